/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JUnit's XML as CI systems read it: one suite, a case for each check. A check that refuses is a failure, one that is
 * accepted is skipped with the reason, a run that did not come to the checks is an error.
 */
#include <string.h>

#include "cleanup.h"
#include "elf/demangle.h"
#include "format/format.h"
#include "ui/text.h"

/*
 * Character data and attribute values (XML 1.0, sections 2.2 and 2.4). The file may be printed in a CI job, so that
 * nothing in it may look like a command to the runner: newlines of the text and the marks of commands are written as
 * character references, which a reader of XML takes for the characters themselves.
 */
static int write_escaped(const char *shown, FILE *out)
{
    for (const char *c = shown; c && *c; c++) {
        if (strchr("<>&\"'\n#", *c) || (c[0] == ':' && c[1] == ':'))
            fprintf(out, "&#%d;", *c);
        else
            fputc(*c, out);
    }
    return shown ? 0 : -1;
}

static int write_line(const char *text, FILE *out)
{
    HF_FREE char *named = hf_demangle_text(text);
    HF_FREE char *shown = named ? hf_text_printable(named) : NULL;
    return write_escaped(shown, out);
}

/* Details have lines of their own. */
static int write_detail(const char *text, FILE *out)
{
    HF_FREE char *shown = hf_text_lines(text);
    return write_escaped(shown, out);
}

/* All that a check found of one kind, a line each, with what shows it. */
static int write_findings(const struct hf_check_result *result, bool refusing, FILE *out)
{
    for (size_t k = 0; k < result->findings.count; k++) {
        const struct hf_finding *finding = &result->findings.items[k];
        HF_FREE char *message = hf_format_message(finding);
        if (refusing && !hf_finding_refuses(finding))
            continue;
        if (!message || write_line(message, out) != 0)
            return -1;
        fputc('\n', out);
        if (finding->detail && write_detail(finding->detail, out) != 0)
            return -1;
    }
    return 0;
}

static const struct hf_finding *first_refusing(const struct hf_check_result *result)
{
    for (size_t k = 0; k < result->findings.count; k++)
        if (hf_finding_refuses(&result->findings.items[k]))
            return &result->findings.items[k];
    return NULL;
}

static int write_failure(const struct hf_check_result *result, const struct hf_finding *finding, FILE *out)
{
    fprintf(out, "<failure type=\"%s\" message=\"", hf_verdict_name(finding->verdict));
    if (write_line(finding->evidence, out) != 0)
        return -1;
    fputs("\">", out);
    if (write_findings(result, true, out) != 0)
        return -1;
    fputs("</failure>", out);
    return 0;
}

static int write_case(const struct hf_check_result *result, FILE *out)
{
    const struct hf_finding *refusing = first_refusing(result);
    int failed = 0;

    fprintf(out, "    <testcase classname=\"hotfix.check\" name=\"%s: ", result->check->id);
    if (write_line(result->check->title, out) != 0)
        return -1;
    fputs("\">", out);
    if (refusing) {
        failed = write_failure(result, refusing, out);
    } else if (hf_check_accepted(result)) {
        HF_FREE char *reasons = hf_check_reasons(result);
        fputs("<skipped message=\"accepted: ", out);
        failed = !reasons || write_line(reasons, out) != 0 ? -1 : 0;
        fputs("\"/>", out);
    }
    fputs("<system-out>", out);
    if (!failed)
        failed = write_findings(result, false, out);
    fputs("</system-out></testcase>\n", out);
    return failed;
}

static int write_error(const struct hf_outcome *outcome, FILE *out)
{
    const char *message = outcome->failure ? outcome->failure->message : "";

    fputs("  <testsuite name=\"hotfix check\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">\n"
          "    <testcase classname=\"hotfix.check\" name=\"run\"><error message=\"",
          out);
    int failed = write_line(message, out);
    fputs("\"/></testcase>\n", out);
    return failed;
}

static int write_cases(const struct hf_outcome *outcome, FILE *out)
{
    size_t count = 0, failures = 0, skipped = 0;
    int failed = 0;

    for (; outcome->results[count].check; count++) {
        bool refuses = first_refusing(&outcome->results[count]) != NULL;
        failures += refuses;
        skipped += !refuses && hf_check_accepted(&outcome->results[count]);
    }
    fprintf(out, "  <testsuite name=\"hotfix check\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\">\n",
            count, failures, skipped);
    for (size_t i = 0; !failed && i < count; i++)
        failed = write_case(&outcome->results[i], out);
    return failed;
}

static int write_junit(const struct hf_outcome *outcome, FILE *out)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out);
    int failed = outcome->results ? write_cases(outcome, out) : write_error(outcome, out);
    fputs("  </testsuite>\n</testsuites>\n", out);
    return failed;
}

const struct hf_format hf_format_junit = {.name = "junit", .write = write_junit};
