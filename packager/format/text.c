/* SPDX-License-Identifier: Apache-2.0 */
/* For people: the answer first, then a line for each check, and below it what it has against the patch. */
#include <stdarg.h>
#include <string.h>

#include "cleanup.h"
#include "format/format.h"
#include "ui/text.h"

__attribute__((format(printf, 2, 3))) static void line(FILE *out, const char *format, ...)
{
    HF_FREE char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0) {
        text = NULL;
        return;
    }
    HF_FREE char *shown = hf_text_line(text);
    fprintf(out, "%s\n", shown ? shown : "out of memory");
}

static void write_finding(const struct hf_finding *finding, FILE *out)
{
    if (finding->verdict == HF_COMPATIBLE && !finding->notable)
        return;
    line(out, "    %s", finding->evidence);
    for (const char *detail = finding->detail; detail && *detail;) {
        int length = (int)strcspn(detail, "\n");
        line(out, "        %.*s", length, detail);
        detail += length + (detail[length] == '\n');
    }
    if (finding->waiver) {
        const struct hf_waiver *waiver = finding->waiver;
        HF_FREE char *text = hf_waiver_text(waiver->scope, waiver->reason, waiver->expires);
        line(out, "    accepted: %s", text ? text : waiver->reason);
    } else if (finding->advice) {
        line(out, "    to do: %s", finding->advice);
    }
}

static int write_text(const struct hf_outcome *outcome, FILE *out)
{
    if (!outcome->results)
        return 0; /* the message on standard error says it all */
    HF_FREE char *answer = hf_format_answer(outcome);
    if (!answer)
        return -1;
    line(out, "%s", answer);
    for (const struct hf_check_result *result = outcome->results; result->check; result++) {
        line(out, "%-12s %-15s %s", hf_verdict_name(result->verdict), result->check->id, result->check->title);
        for (size_t k = 0; k < result->findings.count; k++)
            write_finding(&result->findings.items[k], out);
    }
    return 0;
}

const struct hf_format hf_format_text = {.name = "text", .write = write_text};
