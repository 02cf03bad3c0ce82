/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Were the picked functions compiled alike on both sides? Compared unit by unit: a program's units may well differ
 * among themselves.
 */
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "check/comment.h"
#include "check/producer.h"
#include "cleanup.h"
#include "error.h"

#define ADVICE_COMPILER "compile the patch with the compiler that made the target"
#define ADVICE_DEBUG    "compile with -g, or name the debug file"
#define ADVICE_RECORD   "compile target and patch with -grecord-command-line"

/* The producers of a picked function's two units. */
struct two {
    struct hf_producer old_producer;
    struct hf_producer new_producer;
};

static void two_deinit(struct two *two)
{
    hf_producer_deinit(&two->old_producer);
    hf_producer_deinit(&two->new_producer);
}

static const char *producer_of(const struct hf_function *function)
{
    return function->unit && function->unit->producer ? function->unit->producer : "";
}

static int two_init(const struct hf_pair *pair, struct two *two, struct hotfix_error *err)
{
    *two = (struct two){0};
    if (hf_producer_parse(producer_of(pair->old_function), &two->old_producer, err) == 0 &&
        hf_producer_parse(producer_of(pair->new_function), &two->new_producer, err) == 0)
        return 0;
    two_deinit(two);
    return -1;
}

/* Does an earlier picked function come from the same two units? Then all is said. */
static bool seen(const struct hf_check_subject *subject, size_t index)
{
    const struct hf_pair *pair = &subject->pairs[index];

    for (size_t i = 0; i < index; i++)
        if (subject->pairs[i].old_function->unit == pair->old_function->unit &&
            subject->pairs[i].new_function->unit == pair->new_function->unit)
            return true;
    return false;
}

typedef int (*compare_fn)(const struct hf_check_subject *subject, const struct hf_pair *pair, const struct two *two,
                          struct hf_findings *findings, struct hotfix_error *err);

static int each_unit(const struct hf_check_subject *subject, compare_fn compare, struct hf_findings *findings,
                     struct hotfix_error *err)
{
    for (size_t i = 0; i < subject->pair_count; i++) {
        struct two two;
        if (seen(subject, i))
            continue;
        if (two_init(&subject->pairs[i], &two, err) != 0)
            return -1;
        int result = compare(subject, &subject->pairs[i], &two, findings, err);
        two_deinit(&two);
        if (result != 0)
            return -1;
    }
    return 0;
}

/* Without debug information the .comment sections speak for all units at once, if each names one compiler only. */
static int compare_comments(const struct hf_check_subject *subject, const struct hf_pair *pair,
                            struct hf_findings *findings, struct hotfix_error *err)
{
    HF_FREE char *old_comment = NULL, *new_comment = NULL;
    bool old_single, new_single;

    if (hf_comment_read(&subject->target->image, &old_comment, &old_single, err) != 0 ||
        hf_comment_read(&subject->patch->image, &new_comment, &new_single, err) != 0)
        return -1;
    if (!*old_comment || !*new_comment || !old_single || !new_single)
        hf_findings_add(findings, HF_UNPROVEN, pair, ADVICE_DEBUG,
                        "nothing tells which compiler made its translation unit (.comment of the target: '%s', of the "
                        "patch: '%s')",
                        old_comment, new_comment);
    else if (strcmp(old_comment, new_comment) != 0)
        hf_findings_add(findings, HF_INCOMPATIBLE, pair, ADVICE_COMPILER,
                        "the target was compiled by '%s', the patch by '%s', as their .comment sections say",
                        old_comment, new_comment);
    else
        hf_findings_add(findings, HF_COMPATIBLE, pair, NULL, "both were compiled by '%s' alone, by .comment",
                        old_comment);
    return 0;
}

static int compare_compilers(const struct hf_check_subject *subject, const struct hf_pair *pair, const struct two *two,
                             struct hf_findings *findings, struct hotfix_error *err)
{
    const char *old_compiler = two->old_producer.compiler, *new_compiler = two->new_producer.compiler;

    if (!*old_compiler || !*new_compiler)
        return compare_comments(subject, pair, findings, err);
    if (strcmp(old_compiler, new_compiler) != 0)
        hf_findings_add(findings, HF_INCOMPATIBLE, pair, ADVICE_COMPILER,
                        "the target was compiled by '%s', the patch by '%s'", old_compiler, new_compiler);
    else
        hf_findings_add(findings, HF_COMPATIBLE, pair, NULL, "both were compiled by '%s'", old_compiler);
    return 0;
}

static int run_compiler(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    return each_unit(subject, compare_compilers, findings, err);
}

static void flags_differ(const struct hf_pair *pair, const char *advice, const char *old_extra, const char *new_extra,
                         struct hf_findings *findings)
{
    if (*old_extra && *new_extra)
        hf_findings_add(findings, HF_INCOMPATIBLE, pair, advice,
                        "the target was compiled with %s, the patch with %s instead", old_extra, new_extra);
    else if (*old_extra)
        hf_findings_add(findings, HF_INCOMPATIBLE, pair, advice, "the target was compiled with %s, the patch without",
                        old_extra);
    else
        hf_findings_add(findings, HF_INCOMPATIBLE, pair, advice, "the patch was compiled with %s, the target without",
                        new_extra);
}

static int compare_flags(const struct hf_check_subject *subject, const struct hf_pair *pair, const struct two *two,
                         struct hf_findings *findings, struct hotfix_error *err)
{
    const struct hf_producer *old_producer = &two->old_producer, *new_producer = &two->new_producer;

    (void)subject;
    if (!old_producer->has_flags || !new_producer->has_flags) {
        bool debug = *old_producer->compiler && *new_producer->compiler;
        hf_findings_add(findings, HF_UNPROVEN, pair, debug ? ADVICE_RECORD : ADVICE_DEBUG,
                        "the flags that it was compiled with are not recorded in the %s",
                        old_producer->has_flags   ? "patch"
                        : new_producer->has_flags ? "target"
                                                  : "target nor in the patch");
        return 0;
    }

    HF_FREE char *old_extra = hf_producer_extra(old_producer, new_producer);
    HF_FREE char *new_extra = hf_producer_extra(new_producer, old_producer);
    HF_FREE char *all = hf_producer_flags(old_producer);
    HF_FREE char *advice = NULL;
    if (!old_extra || !new_extra || !all || asprintf(&advice, "compile the patch with %s", all) < 0)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (*old_extra || *new_extra)
        flags_differ(pair, advice, old_extra, new_extra, findings);
    else if (strcmp(old_producer->sequence, new_producer->sequence) != 0)
        hf_findings_add(findings, HF_INCOMPATIBLE, pair, "give these flags in the target's order",
                        "the target was compiled with %s in this order, the patch with %s", old_producer->sequence,
                        new_producer->sequence);
    else
        hf_findings_add(findings, HF_COMPATIBLE, pair, NULL, "both were compiled with %s", all);
    return 0;
}

static int run_flags(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    return each_unit(subject, compare_flags, findings, err);
}

const struct hf_check hf_check_compiler = {"compiler", "compiler vendor and version of each unit concerned",
                                           HF_ACCEPT_UNPROVEN, run_compiler};
const struct hf_check hf_check_flags = {"flags", "code generation flags of each unit concerned", HF_ACCEPT_UNPROVEN,
                                        run_flags};
