/* SPDX-License-Identifier: Apache-2.0 */
/* Were the picked functions compiled alike on both sides? A check for each class of flags (flag.h). */
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "check/compiled/flag.h"
#include "check/compiled/instructions.h"
#include "check/compiled/unit.h"
#include "cleanup.h"
#include "error.h"

#define ADVICE_DEBUG "compile with -g, or name the debug file"
#define ADVICE_CLANG "compile target and patch with -grecord-command-line"
#define ADVICE_GCC   "compile target and patch with -grecord-gcc-switches"

static int no_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

static bool recorded(const struct hf_unit_pair *units)
{
    return units->target.has_flags && units->patch.has_flags;
}

static int not_recorded(const struct hf_unit_pair *units, struct hf_unit_finding *finding, struct hotfix_error *err)
{
    bool debug = *units->target.compiler && *units->patch.compiler;
    const char *record = strncmp(units->target.compiler, "GNU ", 4) == 0 ? ADVICE_GCC : ADVICE_CLANG;

    return hf_unit_find(finding, err, HF_UNPROVEN, debug ? record : ADVICE_DEBUG,
                        "the flags that it was compiled with are not recorded in the %s",
                        units->patch.has_flags    ? "target"
                        : units->target.has_flags ? "patch"
                                                  : "target nor in the patch");
}

/* "rebuild it with 'COMMAND'", from the target's flags. NULL when out of memory. */
static char *advice_of(const struct hf_unit_pair *units)
{
    HF_FREE char *command = hf_producer_command(&units->target);
    char *advice;

    return !command || asprintf(&advice, "rebuild the patch with '%s'", command) < 0 ? NULL : advice;
}

/* Says what each side has that the other lacks; one of them may be "". */
static int differ(const struct hf_unit_pair *units, enum hf_verdict verdict, const char *target, const char *patch,
                  struct hf_unit_finding *finding, struct hotfix_error *err)
{
    HF_FREE char *advice = advice_of(units);

    if (!advice)
        return no_memory(err);
    if (*target && *patch)
        return hf_unit_find(finding, err, verdict, advice, "the target was compiled with %s, the patch with %s instead",
                            target, patch);
    if (*target)
        return hf_unit_find(finding, err, verdict, advice, "the target was compiled with %s, the patch without",
                            target);
    return hf_unit_find(finding, err, verdict, advice, "the patch was compiled with %s, the target without", patch);
}

static int alike(const struct hf_unit_pair *units, enum hf_flag_class class, struct hf_unit_finding *finding,
                 struct hotfix_error *err)
{
    HF_FREE char *all = hf_producer_class(&units->target, class);

    if (!all)
        return no_memory(err);
    return hf_unit_find(finding, err, HF_COMPATIBLE, NULL, *all ? "both were compiled with %s" : "neither has any%s",
                        all);
}

/* Flags that must be the same, in the same order where that counts. */
static int compare_equal(const struct hf_unit_pair *units, int class, struct hf_unit_finding *finding,
                         struct hotfix_error *err)
{
    if (!recorded(units))
        return not_recorded(units, finding, err);

    HF_FREE char *target = hf_producer_extra(&units->target, &units->patch, (enum hf_flag_class) class);
    HF_FREE char *patch = hf_producer_extra(&units->patch, &units->target, (enum hf_flag_class) class);
    if (!target || !patch)
        return no_memory(err);
    if (*target || *patch)
        return differ(units, HF_INCOMPATIBLE, target, patch, finding, err);

    HF_FREE char *target_order = hf_producer_sequence(&units->target, (enum hf_flag_class) class);
    HF_FREE char *patch_order = hf_producer_sequence(&units->patch, (enum hf_flag_class) class);
    if (!target_order || !patch_order)
        return no_memory(err);
    if (strcmp(target_order, patch_order) != 0)
        return hf_unit_find(finding, err, HF_INCOMPATIBLE, "give these flags in the target's order",
                            "the target was compiled with %s in this order, the patch with %s", target_order,
                            patch_order);
    return alike(units, (enum hf_flag_class) class, finding, err);
}

/* Pointers to those of a producer's flags that select instructions, in their order. NULL when out of memory. */
static char **instructions_of(const struct hf_producer *producer, size_t *count)
{
    char **found = calloc(producer->flag_count + 1, sizeof(*found));

    *count = 0;
    for (size_t i = 0; found && i < producer->flag_count; i++)
        if (hf_flag_class(producer->ordered[i]) == HF_FLAG_INSTRUCTIONS)
            found[(*count)++] = producer->ordered[i];
    return found;
}

static int compare_instructions(const struct hf_unit_pair *units, int kind, struct hf_unit_finding *finding,
                                struct hotfix_error *err)
{
    size_t target_count, patch_count;

    (void)kind;
    if (!recorded(units))
        return not_recorded(units, finding, err);

    HF_FREE char **target = instructions_of(&units->target, &target_count);
    HF_FREE char **patch = instructions_of(&units->patch, &patch_count);
    HF_FREE char *beyond = NULL;
    if (!target || !patch)
        return no_memory(err);
    enum hf_instructions_relation relation = hf_instructions_compare(target, target_count, patch, patch_count, &beyond);
    HF_FREE char *advice = advice_of(units);
    HF_FREE char *target_extra = hf_producer_extra(&units->target, &units->patch, HF_FLAG_INSTRUCTIONS);
    HF_FREE char *patch_extra = hf_producer_extra(&units->patch, &units->target, HF_FLAG_INSTRUCTIONS);
    if (!beyond || !advice || !target_extra || !patch_extra)
        return no_memory(err);
    if (!*target_extra && !*patch_extra && relation == HF_INSTRUCTIONS_WITHIN)
        return alike(units, HF_FLAG_INSTRUCTIONS, finding, err);
    if (relation == HF_INSTRUCTIONS_BEYOND)
        return hf_unit_find(finding, err, HF_INCOMPATIBLE, advice,
                            "the patch may use instructions that the target may not: %s (target: %s; patch: %s)",
                            beyond, *target_extra ? target_extra : "none of these", patch_extra);
    if (relation == HF_INSTRUCTIONS_UNKNOWN)
        return hf_unit_find(finding, err, HF_UNPROVEN, advice,
                            "nothing here tells whether the instructions of the patch (%s) are among those of the "
                            "target (%s)",
                            *patch_extra ? patch_extra : "-march=native", *target_extra ? target_extra : "the same");
    return hf_unit_find(finding, err, HF_COMPATIBLE, NULL,
                        "the patch uses no instructions that the target may not (target: %s; patch: %s)",
                        *target_extra ? target_extra : "none beside", *patch_extra ? patch_extra : "none beside");
}

static int compare_pic(const struct hf_unit_pair *units, int kind, struct hf_unit_finding *finding,
                       struct hotfix_error *err)
{
    const char *target = units->target.pic, *patch = units->patch.pic;

    (void)kind;
    finding->notable = units->target.has_flags && units->patch.has_flags && strcmp(target, patch) != 0;
    return hf_unit_find(finding, err, HF_COMPATIBLE, NULL, "target: %s; patch: %s",
                        !units->target.has_flags ? "not recorded"
                        : *target                ? target
                                                 : "the compiler's default",
                        !units->patch.has_flags ? "not recorded"
                        : *patch                ? patch
                                                : "the compiler's default");
}

static int run_abi(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    return hf_units_compare(subject, compare_equal, HF_FLAG_ABI, findings, err);
}

static int run_semantic(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    return hf_units_compare(subject, compare_equal, HF_FLAG_SEMANTIC, findings, err);
}

static int run_instructions(const struct hf_check_subject *subject, struct hf_findings *findings,
                            struct hotfix_error *err)
{
    return hf_units_compare(subject, compare_instructions, HF_FLAG_INSTRUCTIONS, findings, err);
}

static int run_optimisation(const struct hf_check_subject *subject, struct hf_findings *findings,
                            struct hotfix_error *err)
{
    return hf_units_compare(subject, compare_equal, HF_FLAG_OPTIMISATION, findings, err);
}

static int run_pic(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    return hf_units_compare(subject, compare_pic, HF_FLAG_PIC, findings, err);
}

const struct hf_check hf_check_abi_flags = {"abi-flags", "flags on which layouts and calls depend", HF_ACCEPT_UNPROVEN,
                                            run_abi};
const struct hf_check hf_check_semantic_flags = {"semantic-flags", "flags that change what source text means",
                                                 HF_ACCEPT_UNPROVEN, run_semantic};
const struct hf_check hf_check_instruction_set = {"instruction-set",
                                                  "instructions that the patch may use, within the target's",
                                                  HF_ACCEPT_UNPROVEN, run_instructions};
const struct hf_check hf_check_optimisation = {"optimisation", "optimisation and instrumentation", HF_ACCEPT_UNPROVEN,
                                               run_optimisation};
const struct hf_check hf_check_pic = {"pic", "position independence, for information", HF_ACCEPT_NEVER, run_pic};

bool hf_check_is_of_flags(const struct hf_check *check)
{
    return check == &hf_check_abi_flags || check == &hf_check_semantic_flags || check == &hf_check_instruction_set ||
           check == &hf_check_optimisation || check == &hf_check_hardening;
}
