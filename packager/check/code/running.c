/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Are the picked functions likely to be on a stack for ever? A warning where that is not known, or something else of
 * the patch takes effect. Incompatible where main is all that changes (such a patch would be
 * applied and do nothing), and where the switch would wait for main to be left.
 */
#include "check/check.h"
#include "check/code/callsites.h"
#include "patch/world.h"
#include "program/stay.h"

#define NEVER_ADVICE                                                                                                   \
    "start the program anew with the fix; leave this change out of it where the others are enough; or accept this, "   \
    "where the patch is applied before a thread is inside"

/*
 * Is main all that the patch replaces? Of a function that only seems to loop for ever nobody knows whether a thread is
 * inside, or whether it ends the process in the middle of the loop.
 */
static bool takes_no_effect(const struct hf_check_subject *subject, const struct hf_stay *stay)
{
    for (size_t i = 0; i < subject->pair_count; i++) {
        const struct hf_function *function = subject->pairs[i].old_function;
        if (!hf_stay_is_main(stay, function->name, function->address))
            return false;
    }
    return subject->pair_count > 0;
}

static void add_function(const struct hf_stay *stay, const struct hf_pair *pair, bool no_effect,
                         struct hf_findings *findings)
{
    const struct hf_function *function = pair->old_function;
    const char *why = hf_stay_reason(stay, function->name, function->address, function->size);

    if (no_effect) {
        hf_findings_add(
            findings, HF_INCOMPATIBLE, pair, NEVER_ADVICE,
            "the patch takes effect never: the program is inside it until it ends, and nothing else changes");
    } else if (why) {
        hf_findings_add(findings, HF_COMPATIBLE, pair, "pick a function that it calls instead", "warning: %s", why);
        hf_findings_mark(findings);
    }
}

static void add_main(struct hf_findings *findings)
{
    hf_findings_add(
        findings, HF_INCOMPATIBLE, NULL, NEVER_ADVICE,
        "the patch can never be applied while main runs: its old code was compiled for what it calls, which "
        "changes");
}

/* Must main be left before the patch is applied, as 'hotfix build' found? Loops are warned of one by one. */
static bool waits_for_main(const struct hf_stay *stay, const struct hf_world_table *table)
{
    for (size_t i = 0; stay->main && i < table->count; i++)
        if (table->items[i].kind == HF_WORLD_LEFT_TO_APPLY && table->items[i].address == stay->main->address)
            return true;
    return false;
}

/* The same of a patch that was made by hand. */
struct main_caller {
    const struct hf_stay *stay;
    const struct hf_function *callee;
    bool fitted;
};

static bool note_main(const struct hf_function *caller, void *arg)
{
    struct main_caller *found = arg;

    found->fitted = caller->address == found->stay->main->address && caller != found->callee;
    return !found->fitted;
}

static int is_main_fitted(const struct hf_check_subject *subject, const struct hf_stay *stay, bool *fitted,
                          struct hotfix_error *err)
{
    HF_CALLSITES struct hf_callsites callsites = {.subject = NULL};
    bool picked = false;

    *fitted = false;
    for (size_t i = 0; stay->main && i < subject->pair_count; i++)
        picked |= subject->pairs[i].old_function->address == stay->main->address;
    if (!picked)
        return 0;
    if (hf_callsites_read(subject, &callsites, err) != 0)
        return -1;
    for (size_t i = 0; i < subject->pair_count && !*fitted; i++) {
        struct main_caller found = {.stay = stay, .callee = subject->pairs[i].old_function};
        hf_callsites_fitted(&callsites, found.callee, note_main, &found);
        *fitted = found.fitted;
    }
    return 0;
}

static int look(const struct hf_check_subject *subject, const struct hf_stay *stay, struct hf_findings *findings,
                struct hotfix_error *err)
{
    bool no_effect = takes_no_effect(subject, stay);
    HF_WORLD struct hf_world_table table = {.count = 0};
    int found = hf_world_read(&subject->patch->image, &table, err);

    for (size_t i = 0; i < subject->pair_count; i++)
        add_function(stay, &subject->pairs[i], no_effect, findings);
    bool waits = found > 0 && waits_for_main(stay, &table);
    if (found < 0 || (found == 0 && is_main_fitted(subject, stay, &waits, err) != 0))
        return -1;
    if (waits)
        add_main(findings);
    return 0;
}

static int run(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    const struct hf_program *target = subject->target;
    struct hf_stay stay;

    if (!subject->tools) {
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "code of this machine cannot be analysed");
        return 0;
    }
    if (hf_stay_init(&stay, &target->image, target->debug ? target->debug : &target->image, subject->tools, err) != 0)
        return -1;
    int failed = look(subject, &stay, findings, err);
    if (findings->count == 0)
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "no function seems to be on a stack for ever");
    hf_stay_deinit(&stay);
    return failed;
}

const struct hf_check hf_check_long_running = {"long-running", "functions that a process may never leave",
                                               HF_ACCEPT_ANY, run};
