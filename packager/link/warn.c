/* SPDX-License-Identifier: Apache-2.0 */
#include "link/warn.h"

#include "link/binding.h"
#include "link/choose.h"
#include "program/stay.h"

struct warning {
    struct hf_work *work;
    struct hf_stay stay;
    struct hotfix_error *err;
};

static int warn_one(const struct hf_replacement *replacement, void *arg)
{
    const struct warning *warning = arg;
    struct hf_work *work = warning->work;
    const struct hf_name *function = hf_part_function(replacement->before);
    struct hf_anchor anchor;

    if (!function || hf_locate(work, replacement->pairing, replacement->before, &anchor, warning->err) != 0)
        return 0;
    const char *why = hf_stay_reason(&warning->stay, function->text, anchor.address + function->value, function->size);
    return why ? hf_work_note(work, HF_BUILD_WARNING, function->text, replacement->pairing->after->name, warning->err,
                              "%s", why)
               : 0;
}

int hf_warn(struct hf_work *work, struct hotfix_error *err)
{
    struct warning warning = {.work = work, .err = err};
    const struct hf_target *target = work->target;

    if (hf_stay_init(&warning.stay, &target->image, target->symbols, target->arch, err) != 0)
        return -1;
    int result = hf_each_replacement(work, warn_one, &warning);
    hf_stay_deinit(&warning.stay);
    return result;
}
