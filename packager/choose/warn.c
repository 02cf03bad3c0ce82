/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/warn.h"

#include "compare/coroutines.h"
#include "program/stay.h"
#include "reference/binding.h"
#include "reference/replacement.h"

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

/* The function that makes a coroutine's frames is replaced; what resumes and destroys it is new for new frames alone.
 */
static int warn_coroutines(struct hf_work *work, const struct hf_pairing *pairing, struct hotfix_error *err)
{
    for (size_t i = 1; pairing->before && i < pairing->after->part_count; i++) {
        const struct hf_part *part = &pairing->after->parts[i];
        const struct hf_name *name = part->marks & HF_MARK_KEPT && !part->twin ? hf_part_function(part) : NULL;
        if (name && !part->family && hf_coroutine_body(part) && hf_object_find(pairing->before, name->text) &&
            hf_work_note(work, HF_BUILD_WARNING, name->text, pairing->after->name, err,
                         "coroutines that are suspended finish in the old code") != 0)
            return -1;
    }
    return 0;
}

int hf_warn(struct hf_work *work, struct hotfix_error *err)
{
    struct warning warning = {.work = work, .err = err};
    const struct hf_target *target = work->target;

    if (hf_stay_init(&warning.stay, &target->image, target->symbols, target->arch, err) != 0)
        return -1;
    int result = hf_each_replacement(work, warn_one, &warning);
    hf_stay_deinit(&warning.stay);
    for (size_t i = 0; result == 0 && i < work->pairing_count; i++)
        result = warn_coroutines(work, &work->pairings[i], err);
    return result;
}
