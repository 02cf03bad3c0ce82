/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "elf/demangle.h"
#include "error.h"
#include "stamp.h"

/* clang-format off */
const struct hf_check *const hf_checks[] = {
    &hf_check_machine,
    &hf_check_build_id,
    &hf_check_compiler,
    &hf_check_abi_flags,
    &hf_check_semantic_flags,
    &hf_check_instruction_set,
    &hf_check_optimisation,
    &hf_check_hardening,
    &hf_check_pic,
    &hf_check_proof,
    &hf_check_prototype,
    &hf_check_layout,
    &hf_check_inline,
    &hf_check_clones,
    &hf_check_callers,
    &hf_check_alias,
    &hf_check_entry,
    &hf_check_variables,
    &hf_check_symbols,
    &hf_check_loading,
    &hf_check_long_running,
};
/* clang-format on */
const size_t hf_check_count = sizeof(hf_checks) / sizeof(hf_checks[0]);

const struct hf_check *hf_check_find(const char *id)
{
    for (size_t i = 0; i < hf_check_count; i++)
        if (strcmp(hf_checks[i]->id, id) == 0)
            return hf_checks[i];
    for (size_t i = 0; i < hf_live_check_count; i++)
        if (strcmp(hf_live_checks[i]->id, id) == 0)
            return hf_live_checks[i];
    return NULL;
}

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

void hf_findings_detail(struct hf_findings *findings, const char *detail)
{
    if (findings->failed || findings->count == 0)
        return;
    findings->items[findings->count - 1].detail = strdup(detail);
    if (!findings->items[findings->count - 1].detail)
        findings->failed = true;
}

void hf_findings_mark(struct hf_findings *findings)
{
    if (findings->count > 0)
        findings->items[findings->count - 1].notable = true;
}

static void findings_deinit(struct hf_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->items[i].evidence);
        free(findings->items[i].advice);
        free(findings->items[i].detail);
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

bool hf_waiver_expired(const struct hf_waiver *waiver)
{
    return waiver->expires != HF_TIME_NEVER && waiver->expires <= (int64_t)time(NULL);
}

bool hf_waiver_covers(const struct hf_waiver *waiver, const struct hf_finding *finding)
{
    return !waiver->scope || (finding->pair && hf_demangle_matches(waiver->scope, finding->pair->old_function->name));
}

char *hf_waiver_text(const char *scope, const char *reason, int64_t expires)
{
    char until[HF_TIME_SIZE] = "";
    char *text;

    if (expires != HF_TIME_NEVER)
        hf_time_format(expires, until);
    bool scoped = scope && *scope, limited = *until != '\0';
    int size = asprintf(&text, "%s%s%s%s%s%s%s%s", reason, scoped || limited ? " (" : "", scoped ? "functions " : "",
                        scoped ? scope : "", scoped && limited ? ", " : "", limited ? "until " : "", until,
                        scoped || limited ? ")" : "");
    return size < 0 ? NULL : text;
}

static bool accepts(const struct hf_waiver *waiver, const struct hf_check *check, const struct hf_finding *finding)
{
    return waiver->check == check && may_accept(check, finding->verdict) && !hf_waiver_expired(waiver) &&
           hf_waiver_covers(waiver, finding);
}

void hf_check_accept(struct hf_check_result *result, const struct hf_waiver *waivers, size_t waiver_count)
{
    for (size_t k = 0; k < result->findings.count; k++)
        for (size_t i = 0; i < waiver_count; i++)
            if (accepts(&waivers[i], result->check, &result->findings.items[k]))
                result->findings.items[k].waiver = &waivers[i];
}

static int run_one(const struct hf_check_subject *subject, const struct hf_waiver *waivers, size_t waiver_count,
                   struct hf_check_result *result, struct hotfix_error *err)
{
    const struct hf_check *check = result->check;

    if (check->run(subject, &result->findings, err) != 0)
        return hf_error_prefix(err, "check %s", check->id);
    if (result->findings.failed)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (result->findings.count == 0)
        return hf_error(err, HOTFIX_INTERNAL, "check %s came to no verdict", check->id);
    result->verdict = worst(&result->findings);
    hf_check_accept(result, waivers, waiver_count);
    return 0;
}

int hf_checks_run(const struct hf_check_subject *subject, const struct hf_waiver *waivers, size_t waiver_count,
                  struct hf_check_result **results, struct hotfix_error *err)
{
    struct hf_check_result *all = calloc(hf_check_count + hf_live_check_count + 1, sizeof(*all));
    size_t count = 0;

    if (!all)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; subject->patch && i < hf_check_count; i++)
        all[count++].check = hf_checks[i];
    for (size_t i = 0; subject->live && i < hf_live_check_count; i++)
        all[count++].check = hf_live_checks[i];
    for (size_t i = 0; i < count; i++) {
        if (run_one(subject, waivers, waiver_count, &all[i], err) != 0) {
            hf_check_results_destroy(all);
            return -1;
        }
    }
    *results = all;
    return 0;
}

void hf_check_results_destroy(struct hf_check_result *results)
{
    for (struct hf_check_result *result = results; result && result->check; result++)
        findings_deinit(&result->findings);
    free(results);
}

bool hf_finding_refuses(const struct hf_finding *finding)
{
    return finding->verdict != HF_COMPATIBLE && !finding->waiver;
}

static size_t count_refusing(const struct hf_check_result *result)
{
    size_t count = 0;

    for (size_t k = 0; k < result->findings.count; k++)
        count += hf_finding_refuses(&result->findings.items[k]);
    return count;
}

size_t hf_checks_refused(const struct hf_check_result *results)
{
    size_t count = 0;

    for (; results->check; results++)
        count += count_refusing(results);
    return count;
}

bool hf_check_accepted(const struct hf_check_result *result)
{
    return result->verdict != HF_COMPATIBLE && count_refusing(result) == 0;
}

/* Of long-running, a finding about functions says that nothing takes effect; one about the files, that it must wait. */
static enum hotfix_code refusal_code(const struct hf_check *check, const struct hf_finding *finding)
{
    if (finding->verdict != HF_INCOMPATIBLE)
        return HOTFIX_UNPROVEN;
    return check == &hf_check_long_running && finding->pair ? HOTFIX_NEVER : HOTFIX_INCOMPATIBLE;
}

static int refuse(const struct hf_check *check, const struct hf_finding *finding, size_t others,
                  struct hotfix_error *err)
{
    char more[64] = "";

    if (others > 0)
        snprintf(more, sizeof(more), " (and %zu more finding%s)", others, others == 1 ? "" : "s");
    return hf_error(err, refusal_code(check, finding), "%s: %s: %s%s%s%s", hf_verdict_name(finding->verdict), check->id,
                    finding->evidence, finding->advice ? "; " : "", finding->advice ? finding->advice : "", more);
}

int hf_checks_judge(const struct hf_check_result *results, struct hotfix_error *err)
{
    const struct hf_check *check = NULL;
    const struct hf_finding *first = NULL;

    for (const struct hf_check_result *result = results; result->check; result++) {
        for (size_t k = 0; k < result->findings.count; k++) {
            const struct hf_finding *finding = &result->findings.items[k];
            if (!hf_finding_refuses(finding) || (first && badness(finding->verdict) <= badness(first->verdict)))
                continue;
            check = result->check;
            first = finding;
        }
    }
    return first ? refuse(check, first, hf_checks_refused(results) - 1, err) : 0;
}

/* Adds one more text behind "; "; the text before is freed. NULL when out of memory, also of the text before. */
static char *join(char *text, const char *more)
{
    char *longer;

    if (!text)
        return NULL;
    int size = asprintf(&longer, "%s%s%s", text, *text ? "; " : "", more);
    free(text);
    return size < 0 ? NULL : longer;
}

/* Whether a finding before the one at `index` is accepted for the same reason. */
static bool reason_told(const struct hf_findings *findings, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (findings->items[i].waiver &&
            strcmp(findings->items[i].waiver->reason, findings->items[index].waiver->reason) == 0)
            return true;
    return false;
}

char *hf_check_reasons(const struct hf_check_result *result)
{
    char *text = strdup("");

    for (size_t i = 0; i < result->findings.count; i++)
        if (result->findings.items[i].waiver && !reason_told(&result->findings, i))
            text = join(text, result->findings.items[i].waiver->reason);
    return text;
}

char *hf_check_evidence(const struct hf_check_result *result)
{
    char *text = strdup("");

    for (size_t i = 0; i < result->findings.count; i++) {
        const struct hf_finding *finding = &result->findings.items[i];
        if (finding->verdict != HF_COMPATIBLE || result->verdict == HF_COMPATIBLE)
            text = join(text, finding->evidence);
    }
    return text;
}
