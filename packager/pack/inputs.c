/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/inputs.h"

#include <stdlib.h>

#include "arch.h"
#include "dwarf/names.h"
#include "elf/rebuilt.h"
#include "error.h"

int hf_inputs_pick(struct hf_inputs *inputs, enum hf_pick_kind kind, const char *text, struct hotfix_error *err)
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
    return hf_inputs_pick(option->arg, (enum hf_pick_kind)option->kind, argument, err);
}

int hf_inputs_open_waivers(struct hf_inputs *inputs, struct hotfix_error *err)
{
    if (inputs->waivers_path && !inputs->waivers.path &&
        hf_waivers_read(inputs->waivers_path, &inputs->waivers, err) != 0)
        return hf_error_prefix(err, "waivers");
    return 0;
}

/*
 * Functions that the patch has, and those that are picked by name; and the static variables of its files, which a
 * function may use that the target does not have.
 */
static int ask(const struct hf_inputs *inputs, struct hf_asked *asked, struct hotfix_error *err)
{
    const struct hf_program *patch = inputs->patch;

    for (size_t i = 0; i < patch->function_count; i++) {
        const struct hf_function *function = &patch->functions[i];
        if (hf_asked_add(asked, function->name) != 0 ||
            (function->declared && hf_asked_add(asked, function->declared) != 0))
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < inputs->pick_count; i++)
        if ((inputs->picks[i].kind == HF_PICK_FUNCTION || inputs->picks[i].kind == HF_PICK_PLACE) &&
            hf_asked_add(asked, inputs->picks[i].text) != 0)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; patch->has_dwarf && i < patch->dwarf->unit_count; i++)
        if (hf_names_ask_static(patch->dwarf, i, asked, err) != 0)
            return hf_error_prefix(err, "patch");
    return 0;
}

/* What belongs to a package or a class is found out from all functions of the target. */
static bool asks_for_all(const struct hf_inputs *inputs)
{
    for (size_t i = 0; i < inputs->pick_count; i++)
        if (inputs->picks[i].kind == HF_PICK_PACKAGE || inputs->picks[i].kind == HF_PICK_CLASS)
            return true;
    return false;
}

static int open_target(struct hf_inputs *inputs, struct hotfix_error *err)
{
    struct hf_asked asked = {.count = 0};

    if (ask(inputs, &asked, err) != 0) {
        hf_asked_deinit(&asked);
        return -1;
    }
    int result = hf_program_open(inputs->target_path, inputs->debug_path, asks_for_all(inputs) ? NULL : &asked,
                                 &inputs->target, err);
    hf_asked_deinit(&asked);
    return result == 0 ? 0 : hf_error_prefix(err, "target");
}

int hf_inputs_open(struct hf_inputs *inputs, struct hf_check_subject *subject, struct hotfix_error *err)
{
    if (hf_inputs_open_waivers(inputs, err) != 0)
        return -1;
    if (hf_rebuilt_take(inputs->rebuilt_path, inputs->target_path, &inputs->debug_path, err) != 0)
        return hf_error_prefix(err, "target");
    if (hf_program_open(inputs->patch_path, inputs->patch_debug_path, NULL, &inputs->patch, err) != 0)
        return hf_error_prefix(err, "patch");
    if (open_target(inputs, err) != 0)
        return -1;
    if (inputs->host_path) {
        if (hf_image_open(inputs->host_path, &inputs->host, err) != 0)
            return hf_error_prefix(err, "host");
        inputs->has_host = true;
    }
    /* Without a pick a patch made by hotfix build brings all that it needs. */
    if (inputs->follow_inlines && inputs->pick_count > 0 && hf_inputs_pick(inputs, HF_PICK_INLINES, "", err) != 0)
        return -1;
    if (hf_selection_init(inputs->picks, inputs->pick_count, inputs->target, inputs->patch, &inputs->selection, err) !=
        0)
        return -1;
    *subject = (struct hf_check_subject){.target = inputs->target,
                                         .patch = inputs->patch,
                                         .host = inputs->has_host ? &inputs->host : NULL,
                                         .pairs = inputs->selection.pairs,
                                         .pair_count = inputs->selection.pair_count,
                                         .tools = hf_arch_tools_find(inputs->target->image.header.e_machine)};
    return 0;
}

void hf_inputs_deinit(struct hf_inputs *inputs)
{
    hf_waivers_deinit(&inputs->waivers);
    hf_selection_deinit(&inputs->selection);
    if (inputs->has_host)
        hf_image_close(&inputs->host);
    hf_program_close(inputs->patch);
    hf_program_close(inputs->target);
    free(inputs->picks);
}
