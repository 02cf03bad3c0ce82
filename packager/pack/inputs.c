/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/inputs.h"

#include <stdlib.h>

#include "arch.h"
#include "error.h"

static int add_pick(struct hf_inputs *inputs, enum hf_pick_kind kind, const char *text, struct hotfix_error *err)
{
    struct hf_pick *longer = reallocarray(inputs->picks, inputs->pick_count + 1, sizeof(*longer));

    if (!longer)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    inputs->picks = longer;
    inputs->picks[inputs->pick_count++] = (struct hf_pick){.kind = kind, .text = text};
    return 0;
}

int hf_inputs_add_pick(const struct hf_option *option, const char *argument, struct hotfix_error *err)
{
    return add_pick(option->arg, (enum hf_pick_kind)option->kind, argument, err);
}

int hf_inputs_open_policy(struct hf_inputs *inputs, struct hotfix_error *err)
{
    if (inputs->policy_path && hf_policy_read(inputs->policy_path, &inputs->policy, err) != 0)
        return hf_error_prefix(err, "policy");
    return 0;
}

int hf_inputs_open(struct hf_inputs *inputs, struct hf_check_subject *subject, struct hotfix_error *err)
{
    if (hf_inputs_open_policy(inputs, err) != 0)
        return -1;
    if (hf_program_open(inputs->target_path, inputs->debug_path, &inputs->target, err) != 0)
        return hf_error_prefix(err, "target");
    if (hf_program_open(inputs->patch_path, inputs->patch_debug_path, &inputs->patch, err) != 0)
        return hf_error_prefix(err, "patch");
    /* Without a pick a patch made by hotfix build brings all that it needs. */
    if (inputs->follow_inlines && inputs->pick_count > 0 && add_pick(inputs, HF_PICK_INLINES, "", err) != 0)
        return -1;
    if (hf_selection_init(inputs->picks, inputs->pick_count, inputs->target, inputs->patch, &inputs->selection, err) !=
        0)
        return -1;
    *subject = (struct hf_check_subject){.target = inputs->target,
                                         .patch = inputs->patch,
                                         .pairs = inputs->selection.pairs,
                                         .pair_count = inputs->selection.pair_count,
                                         .tools = hf_arch_tools_find(inputs->target->image.header.e_machine)};
    return 0;
}

void hf_inputs_deinit(struct hf_inputs *inputs)
{
    hf_policy_deinit(&inputs->policy);
    hf_selection_deinit(&inputs->selection);
    hf_program_close(inputs->patch);
    hf_program_close(inputs->target);
    free(inputs->picks);
}
