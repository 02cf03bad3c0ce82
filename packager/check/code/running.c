/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Are the picked functions likely to be on a stack for ever? A warning, not a verdict: such a patch fits, but may never
 * be applied, or not take effect.
 */
#include "check/check.h"
#include "program/stay.h"

static int run(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    const struct hf_program *target = subject->target;
    struct hf_stay stay;
    size_t count = 0;

    if (!subject->tools) {
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "code of this machine cannot be analysed");
        return 0;
    }
    if (hf_stay_init(&stay, &target->image, target->debug ? target->debug : &target->image, subject->tools, err) != 0)
        return -1;
    for (size_t i = 0; i < subject->pair_count; i++) {
        const struct hf_function *function = subject->pairs[i].old_function;
        const char *why = hf_stay_reason(&stay, function->name, function->address, function->size);
        count += why != NULL;
        if (why)
            hf_findings_add(findings, HF_COMPATIBLE, &subject->pairs[i], "pick a function that it calls instead",
                            "warning: %s", why);
        if (why)
            hf_findings_mark(findings);
    }
    if (count == 0)
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL, "no function seems to be on a stack for ever");
    hf_stay_deinit(&stay);
    return 0;
}

const struct hf_check hf_check_long_running = {"long-running", "functions that a process may never leave",
                                               HF_ACCEPT_NEVER, run};
