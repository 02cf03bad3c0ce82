/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Annotations of a GitHub workflow: lines that its runner takes as commands, "::error file=F,line=N,title=T::MESSAGE"
 * (GitHub Actions, "Workflow commands").
 */
#include <string.h>

#include "cleanup.h"
#include "format/format.h"
#include "ui/text.h"

/* Values of properties must escape more than the message. Takes what was made of foreign text; NULL is out of memory.
 */
static int write_escaped(const char *shown, const char *special, FILE *out)
{
    for (const char *c = shown; c && *c; c++) {
        if (strchr(special, *c))
            fprintf(out, "%%%02X", (unsigned char)*c);
        else
            fputc(*c, out);
    }
    return shown ? 0 : -1;
}

static int write_value(const char *text, FILE *out)
{
    HF_FREE char *shown = hf_text_line(text);
    return write_escaped(shown, "%\r\n:,", out);
}

static int write_message(const char *text, FILE *out)
{
    HF_FREE char *shown = hf_text_line(text);
    return write_escaped(shown, "%\r\n", out);
}

/* Details have lines of their own. */
static int write_detail(const char *text, FILE *out)
{
    HF_FREE char *shown = hf_text_lines(text);
    return write_escaped(shown, "%\r\n", out);
}

static int write_place(const struct hf_finding *finding, FILE *out)
{
    const struct hf_function *function = finding->pair ? finding->pair->new_function : NULL;

    if (!function || !function->source || function->source[0] == '\0')
        return 0;
    fputs("file=", out);
    int failed = write_value(hf_format_path(function->source), out);
    if (function->line > 0)
        fprintf(out, ",line=%u", function->line);
    fputc(',', out);
    return failed;
}

static int write_finding(const struct hf_check *check, const struct hf_finding *finding, FILE *out)
{
    HF_FREE char *message = hf_format_message(finding);

    if (finding->verdict == HF_COMPATIBLE && !finding->notable)
        return 0;
    fprintf(out, "::%s ", hf_finding_refuses(finding) ? "error" : "notice");
    if (!message || write_place(finding, out) != 0)
        return -1;
    fprintf(out, "title=hotfix check%%3A %s is %s::", check->id, hf_verdict_name(finding->verdict));
    int failed = write_message(message, out);
    if (!failed && finding->detail) {
        fputs("%0A", out);
        failed = write_detail(finding->detail, out);
    }
    if (!failed && finding->waiver) {
        fputs("%0Aaccepted: ", out);
        failed = write_message(finding->waiver->reason, out);
    }
    fputc('\n', out);
    return failed;
}

static int write_github(const struct hf_outcome *outcome, FILE *out)
{
    int failed = 0;

    if (!outcome->results) {
        fputs("::error title=hotfix check::", out);
        failed = outcome->failure ? write_message(outcome->failure->message, out) : 0;
        fputc('\n', out);
        return failed;
    }
    HF_FREE char *answer = hf_format_answer(outcome);
    if (!answer)
        return -1;
    fprintf(out, "%s\n", answer);
    for (const struct hf_check_result *result = outcome->results; !failed && result->check; result++)
        for (size_t k = 0; !failed && k < result->findings.count; k++)
            failed = write_finding(result->check, &result->findings.items[k], out);
    return failed;
}

const struct hf_format hf_format_github = {.name = "github", .write = write_github};
