/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

const struct hf_check *const hf_checks[] = {
    &hf_check_machine,   &hf_check_build_id,  &hf_check_compiler, &hf_check_flags,
    &hf_check_signature, &hf_check_inline,    &hf_check_clones,   &hf_check_alias,
    &hf_check_entry,     &hf_check_variables, &hf_check_symbols,  &hf_check_loading,
};
const size_t hf_check_count = sizeof(hf_checks) / sizeof(hf_checks[0]);

/* "NAME (source): " of the target's function. */
static char *label(const struct hf_pair *pair)
{
    const char *source = pair->old_function->source;
    const char *slash = strrchr(source, '/');
    char *text;

    if (*source == '\0')
        return asprintf(&text, "%s: ", pair->old_function->name) < 0 ? NULL : text;
    return asprintf(&text, "%s (%s): ", pair->old_function->name, slash ? slash + 1 : source) < 0 ? NULL : text;
}

static char *vformat(const struct hf_pair *pair, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static char *vformat(const struct hf_pair *pair, const char *format, va_list arguments)
{
    HF_FREE char *front = pair ? label(pair) : strdup("");
    HF_FREE char *text = NULL;
    char *evidence;

    if (!front || vasprintf(&text, format, arguments) < 0)
        return NULL;
    return asprintf(&evidence, "%s%s", front, text) < 0 ? NULL : evidence;
}

void hf_findings_add(struct hf_findings *findings, enum hf_verdict verdict, const struct hf_pair *pair,
                     const char *advice, const char *format, ...)
{
    struct hf_finding finding = {.verdict = verdict, .pair = pair};
    va_list arguments;

    va_start(arguments, format);
    finding.evidence = vformat(pair, format, arguments);
    va_end(arguments);
    finding.advice = advice ? strdup(advice) : NULL;
    struct hf_finding *items = reallocarray(findings->items, findings->count + 1, sizeof(*items));
    if (items)
        findings->items = items;
    if (!items || !finding.evidence || (advice && !finding.advice)) {
        free(finding.evidence);
        free(finding.advice);
        findings->failed = true;
        return;
    }
    items[findings->count++] = finding;
}

static void findings_deinit(struct hf_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->items[i].evidence);
        free(findings->items[i].advice);
    }
    free(findings->items);
}

/* Incompatible is worse than unproven, which is worse than compatible. */
static int badness(enum hf_verdict verdict)
{
    return verdict == HF_INCOMPATIBLE ? 2 : verdict == HF_UNPROVEN;
}

static enum hf_verdict worst(const struct hf_findings *findings)
{
    enum hf_verdict verdict = HF_COMPATIBLE;

    for (size_t i = 0; i < findings->count; i++)
        if (badness(findings->items[i].verdict) > badness(verdict))
            verdict = findings->items[i].verdict;
    return verdict;
}

bool hf_findings_clean(const struct hf_findings *findings)
{
    return worst(findings) == HF_COMPATIBLE;
}

static bool may_accept(const struct hf_check *check, enum hf_verdict verdict)
{
    return (verdict == HF_UNPROVEN && check->acceptance != HF_ACCEPT_NEVER) ||
           (verdict == HF_INCOMPATIBLE && check->acceptance == HF_ACCEPT_ANY);
}

static int run_one(const struct hf_check_subject *subject, const struct hf_exception *exceptions,
                   size_t exception_count, struct hf_check_result *result, struct hotfix_error *err)
{
    const struct hf_check *check = result->check;

    if (check->run(subject, &result->findings, err) != 0)
        return hf_error_prefix(err, "check %s", check->id);
    if (result->findings.failed)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (result->findings.count == 0)
        return hf_error(err, HOTFIX_INTERNAL, "check %s came to no verdict", check->id);
    result->verdict = worst(&result->findings);
    for (size_t i = 0; i < exception_count; i++)
        if (exceptions[i].check == check && may_accept(check, result->verdict))
            result->exception = exceptions[i].reason;
    return 0;
}

int hf_checks_run(const struct hf_check_subject *subject, const struct hf_exception *exceptions, size_t exception_count,
                  struct hf_check_result **results, struct hotfix_error *err)
{
    struct hf_check_result *all = calloc(hf_check_count, sizeof(*all));

    if (!all)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < hf_check_count; i++) {
        all[i].check = hf_checks[i];
        if (run_one(subject, exceptions, exception_count, &all[i], err) != 0) {
            hf_check_results_destroy(all);
            return -1;
        }
    }
    *results = all;
    return 0;
}

void hf_check_results_destroy(struct hf_check_result *results)
{
    for (size_t i = 0; results && i < hf_check_count; i++)
        findings_deinit(&results[i].findings);
    free(results);
}

static int refuse(const struct hf_check_result *result, size_t others, struct hotfix_error *err)
{
    const struct hf_finding *finding = result->findings.items;
    char more[64] = "";

    while (finding->verdict != result->verdict)
        finding++;
    if (others > 0)
        snprintf(more, sizeof(more), " (and %zu more finding%s)", others, others == 1 ? "" : "s");
    return hf_error(err, result->verdict == HF_INCOMPATIBLE ? HOTFIX_INCOMPATIBLE : HOTFIX_UNPROVEN, "%s: %s: %s%s%s%s",
                    hf_verdict_name(result->verdict), result->check->id, finding->evidence, finding->advice ? "; " : "",
                    finding->advice ? finding->advice : "", more);
}

size_t hf_checks_refused(const struct hf_check_result *results)
{
    size_t count = 0;

    for (size_t i = 0; i < hf_check_count; i++)
        for (size_t k = 0; !results[i].exception && k < results[i].findings.count; k++)
            count += results[i].findings.items[k].verdict != HF_COMPATIBLE;
    return count;
}

int hf_checks_judge(const struct hf_check_result *results, struct hotfix_error *err)
{
    const struct hf_check_result *first = NULL;

    for (size_t i = 0; i < hf_check_count; i++) {
        const struct hf_check_result *result = &results[i];
        if (result->verdict == HF_COMPATIBLE || result->exception)
            continue;
        if (!first || badness(result->verdict) > badness(first->verdict))
            first = result;
    }
    return first ? refuse(first, hf_checks_refused(results) - 1, err) : 0;
}

char *hf_check_evidence(const struct hf_check_result *result)
{
    char *text = strdup("");

    for (size_t i = 0; text && i < result->findings.count; i++) {
        const struct hf_finding *finding = &result->findings.items[i];
        if (finding->verdict == HF_COMPATIBLE && result->verdict != HF_COMPATIBLE)
            continue;
        char *longer;
        int size = asprintf(&longer, "%s%s%s", text, *text ? "; " : "", finding->evidence);
        free(text);
        text = size < 0 ? NULL : longer;
    }
    return text;
}
