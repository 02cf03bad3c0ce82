/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Callers of a picked function that stay, in its own translation unit. A compiler fits them to the function: they may
 * keep values in registers that the old one leaves alone, or know what it does to memory, to its arguments and returns.
 * `hotfix build` compares how they are compiled with the new one; of a patch that was made by hand nothing tells.
 */
#include <stdlib.h>

#include "check/check.h"
#include "check/code/callsites.h"
#include "check/code/cold.h"
#include "cleanup.h"
#include "error.h"
#include "patch/world.h"
#include "program/facts.h"

#define ADVICE                                                                                                         \
    "use 'hotfix build', which compares the callers too; or pick them as well, or compile the release with "           \
    "-flive-patching=inline-only-static (gcc)"
#define ADVICE_WHOLE "only a release that is built without -flto and -fwhole-program can be patched"

/* What the picked functions hold, cold parts included, as one flag for each function of the target. */
static bool *mark_picked(const struct hf_check_subject *subject)
{
    const struct hf_program *target = subject->target;
    bool *picked = calloc(target->function_count + 1, sizeof(*picked));

    for (size_t i = 0; picked && i < subject->pair_count; i++) {
        const struct hf_function *function = subject->pairs[i].old_function, *cold = NULL;
        const struct hf_function *end = target->functions + target->function_count, *inner = function;
        while (inner > target->functions && inner[-1].address == function->address)
            inner--;
        for (; inner < end && inner->address - function->address < function->size; inner++)
            picked[inner - target->functions] = true;
        while ((cold = hf_cold_part(target, function, cold)))
            picked[cold - target->functions] = true;
    }
    return picked;
}

/* The first caller of one function that is not picked. */
struct stray {
    const struct hf_function *functions;
    const bool *picked;
    const struct hf_function *caller;
};

static bool keep_stray(const struct hf_function *caller, void *arg)
{
    struct stray *stray = arg;

    if (stray->picked[caller - stray->functions])
        return true;
    stray->caller = caller;
    return false;
}

static int look(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    HF_CALLSITES struct hf_callsites callsites = {.subject = NULL};
    HF_FREE bool *picked = NULL;

    if (hf_callsites_read(subject, &callsites, err) != 0)
        return -1;
    picked = mark_picked(subject);
    if (!picked)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < subject->pair_count; i++) {
        struct stray stray = {.functions = subject->target->functions, .picked = picked};
        hf_callsites_fitted(&callsites, subject->pairs[i].old_function, keep_stray, &stray);
        if (stray.caller)
            hf_findings_add(findings, HF_UNPROVEN, &subject->pairs[i], ADVICE,
                            "%s calls it, stays, and may have been compiled for what the old one does to registers, "
                            "memory and arguments",
                            stray.caller->name);
    }
    return 0;
}

static bool is_whole(const struct hf_program *target)
{
    for (size_t i = 0; i < target->unit_count; i++)
        if (hf_facts_whole_program(target->units[i]->producer))
            return true;
    return false;
}

static int run(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    HF_WORLD struct hf_world_table table = {.count = 0};
    int built = hf_world_read(&subject->patch->image, &table, err);

    if (built < 0)
        return -1;
    if (is_whole(subject->target)) {
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, ADVICE_WHOLE,
                        "the target's files were compiled together (-flto, -fwhole-program): callers in any file may "
                        "count on what a function did");
        return 0;
    }
    if (built > 0) {
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL,
                        "'hotfix build' found callers that stay unchanged, with what they are compiled for");
        return 0;
    }
    if (look(subject, findings, err) != 0)
        return -1;
    if (hf_findings_clean(findings))
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "no caller that stays was compiled for an old function");
    return 0;
}

const struct hf_check hf_check_callers = {"callers", "callers that stay, and count on the old function",
                                          HF_ACCEPT_UNPROVEN, run};
