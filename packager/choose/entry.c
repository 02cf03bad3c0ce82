/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/entry.h"

#include "error.h"
#include "reference/binding.h"
#include "reference/pointer.h"
#include "reference/replacement.h"

struct check {
    struct hf_work *work;
    struct hotfix_error *err;
};

/* Reports why its callers cannot be replaced instead, and what to do. */
static int refuse_short(const struct check *check, const struct hf_replacement *replacement, uint64_t size)
{
    const char *name = hf_part_title(replacement->before), *holder;

    if (hf_pointer_holder(check->work, replacement->pairing, replacement->before, &holder, check->err) != 0)
        return -1;
    if (holder)
        return hf_error(
            check->err, HOTFIX_INCOMPATIBLE,
            "%s: the %llu bytes of '%s' are too short for a detour, and '%s' has its address, so that "
            "replacing its callers would miss who calls it through pointers; put the fix into the functions "
            "that do",
            replacement->pairing->after->name, (unsigned long long)size, name, holder);
    return hf_error(check->err, HOTFIX_INCOMPATIBLE,
                    "%s: the %llu bytes of '%s' are too short for a detour, and code calls it that stays as it is; put "
                    "the fix into the functions that call it",
                    replacement->pairing->after->name, (unsigned long long)size, name);
}

static int check_one(const struct hf_replacement *replacement, void *arg)
{
    const struct check *check = arg;
    const struct hf_target *target = check->work->target;
    const struct hf_name *function = hf_part_function(replacement->before);
    struct hf_anchor anchor;
    size_t skip, at;

    if (!function || hf_locate(check->work, replacement->pairing, replacement->before, &anchor, NULL) != 0)
        return 0;
    uint64_t address = anchor.address + function->value;
    uint64_t size = hf_target_room(target, function->text, address, function->size);
    const uint8_t *code = hf_image_bytes(&target->image, address, size);
    enum hf_arch_status status = code ? target->arch->entry(code, size, &skip, &at) : HF_ARCH_OK;
    if (status == HF_ARCH_SHORT)
        return refuse_short(check, replacement, size);
    if (status == HF_ARCH_BRANCH)
        return hf_error(check->err, HOTFIX_INCOMPATIBLE,
                        "%s: '%s' cannot be diverted: its code at byte %#zx comes back into the bytes that a detour "
                        "overwrites; put the fix into the functions that call it",
                        replacement->pairing->after->name, function->text, at);
    return 0;
}

int hf_entries_check(struct hf_work *work, struct hotfix_error *err)
{
    struct check check = {.work = work, .err = err};

    return hf_each_replacement(work, check_one, &check);
}
