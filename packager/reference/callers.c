/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/callers.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "reference/binding.h"
#include "reference/chance.h"
#include "reference/pointer.h"

/* Code of the target that is replaced or that nobody gets to any more, and that of the function itself. */
struct range {
    uint64_t begin;
    uint64_t end;
};

struct ranges {
    struct range *items;
    size_t count;
};

static bool covers(const struct ranges *ranges, uint64_t address)
{
    for (size_t i = 0; i < ranges->count; i++)
        if (address >= ranges->items[i].begin && address < ranges->items[i].end)
            return true;
    return false;
}

static bool add_range(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before,
                      struct ranges *ranges)
{
    struct hf_anchor anchor;
    struct range *grown = reallocarray(ranges->items, ranges->count + 1, sizeof(*grown));

    if (!grown)
        return false;
    ranges->items = grown;
    if (hf_locate(work, pairing, before, &anchor, NULL) == 0)
        grown[ranges->count++] = (struct range){anchor.address, anchor.address + before->size};
    return true;
}

/* Ranges that are left out only make the answer yes more often. */
static bool replaced_ranges(struct hf_work *work, const struct hf_part *self, struct ranges *ranges)
{
    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_pairing *pairing = &work->pairings[i];
        for (size_t k = 1; pairing->before && k < pairing->before->part_count; k++) {
            const struct hf_part *part = &pairing->before->parts[k];
            const struct hf_part *whole = part->family ? part->family : part;
            bool replaced = whole == self || (whole->twin && (whole->twin->marks & (HF_MARK_CHANGED | HF_MARK_PARTED)));
            if (part->kind == HF_PART_CODE && part->size > 0 && replaced && !add_range(work, pairing, part, ranges))
                return false;
        }
    }
    return true;
}

static bool code_refers(const struct hf_work *work, const GElf_Phdr *segment, uint64_t address,
                        const struct ranges *ranges)
{
    const struct hf_target *target = work->target;
    size_t size = segment->p_filesz;
    const uint8_t *code = hf_image_bytes(&target->image, segment->p_vaddr, size);

    for (size_t at = 0; code && at < size; at++) {
        at = target->arch->mention(code, size, segment->p_vaddr, address, target->fixed, at);
        uint64_t place = segment->p_vaddr + at;
        if (at < size && !covers(ranges, place) && !hf_target_in_stub(target, place) &&
            !hf_chance(work, place, address))
            return true;
    }
    return false;
}

static bool target_refers(const struct hf_work *work, uint64_t address, const struct ranges *ranges)
{
    const struct hf_target *target = work->target;
    size_t count = 0;
    uint64_t place;

    if (hf_pointer_in_data(target, address, true, NULL, 0, &place))
        return true;
    elf_getphdrnum(target->image.elf, &count);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(target->image.elf, (int)i, &segment) && segment.p_type == PT_LOAD &&
            (segment.p_flags & PF_X) && code_refers(work, &segment, address, ranges))
            return true;
    }
    return false;
}

/* What a library exports is called from elsewhere; of a program its dynamic symbols say. */
static bool is_exported(const struct hf_target *target, const struct hf_part *before)
{
    const struct hf_name *name = hf_part_function(before);

    return !target->executable && (!name || (name->binding != STB_LOCAL && name->visibility == STV_DEFAULT));
}

bool hf_callers_stay(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before)
{
    struct ranges ranges = {.count = 0};
    struct hf_anchor anchor;
    const struct hf_name *function = hf_part_function(before);

    if (!function || is_exported(work->target, before) || hf_locate(work, pairing, before, &anchor, NULL) != 0 ||
        hf_target_offers(work->target, anchor.address + function->value))
        return true;
    bool stay =
        !replaced_ranges(work, before, &ranges) || target_refers(work, anchor.address + function->value, &ranges);
    free(ranges.items);
    return stay;
}

/* Why the function cannot be diverted where it lies in the target; NULL when it can. */
static const char *obstacle(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before)
{
    const struct hf_name *function = hf_part_function(before);
    struct hf_anchor anchor;
    size_t skip;
    size_t at;

    if (!function || hf_locate(work, pairing, before, &anchor, NULL) != 0)
        return NULL;
    uint64_t address = anchor.address + function->value;
    uint64_t size = hf_target_room(work->target, function->text, address, function->size);
    const uint8_t *code = hf_image_bytes(&work->target->image, address, size);
    switch (code ? work->target->arch->entry(code, size, &skip, &at) : HF_ARCH_OK) {
    case HF_ARCH_SHORT:
        return "too short for a detour";
    case HF_ARCH_BRANCH:
        return "its code comes back into the bytes that a detour overwrites";
    default:
        return NULL;
    }
}

/* From another object, a function is referred to by its name; an object may have a copy of it, as C++ has of inlines.
 */
static bool refers(const struct hf_part *from, const struct hf_part *function, const struct hf_name *name)
{
    int64_t offset;

    for (size_t i = 0; i < from->reference_count; i++) {
        const struct hf_name *to = from->references[i].name;
        bool foreign = name->binding != STB_LOCAL && to->binding != STB_LOCAL && strcmp(to->text, name->text) == 0;
        if (foreign || hf_reference_part(&from->references[i], &offset) == function)
            return true;
    }
    return false;
}

/* Marks who calls the function in an object as changed; false when that is not all there is. */
static bool replace_callers_in(struct hf_object *object, const struct hf_part *function, const struct hf_name *name)
{
    bool all = true;

    for (size_t i = 1; i < object->part_count; i++) {
        struct hf_part *part = &object->parts[i];
        struct hf_part *whole = part->family ? part->family : part;
        if (whole == function || part->kind == HF_PART_DEBUG || part->kind == HF_PART_UNWIND ||
            !refers(part, function, name))
            continue;
        if (part->kind != HF_PART_CODE || !hf_part_function(whole))
            all = false;
        else if (whole->twin)
            whole->marks |= HF_MARK_CHANGED | HF_MARK_KEPT;
    }
    return all;
}

static bool replace_callers(struct hf_work *work, const struct hf_part *function, const struct hf_name *name)
{
    for (size_t i = 0; i < work->pairing_count; i++)
        if ((work->pairings[i].after == function->object || name->binding != STB_LOCAL) &&
            !replace_callers_in(work->pairings[i].after, function, name))
            return false;
    return true;
}

/* The new one is a function of its own then. */
static void take_along(struct hf_part *before, struct hf_part *after)
{
    before->twin = NULL;
    after->twin = NULL;
    after->marks &= ~(HF_MARK_CHANGED | HF_MARK_KEPT);
}

static int replace_one(struct hf_work *work, struct hf_pairing *pairing, struct hf_part *before, bool *progress,
                       struct hotfix_error *err)
{
    struct hf_part *after = before->twin;
    const struct hf_name *name = hf_part_function(after);
    const char *why = obstacle(work, pairing, before);
    const char *holder;

    if (!why || !name || (name->binding != STB_LOCAL && !work->target->executable) || after->twin != before)
        return 0;
    if (hf_pointer_holder(work, pairing, before, &holder, err) != 0)
        return -1;
    if (holder || !replace_callers(work, after, name) || hf_callers_stay(work, pairing, before))
        return 0;
    take_along(before, after);
    *progress = true;
    return hf_work_note(work, HF_BUILD_IGNORED, name->text, pairing->after->name, err,
                        "%s: its callers are replaced in its place", why);
}

int hf_callers_replace(struct hf_work *work, struct hotfix_error *err)
{
    for (bool progress = true; progress;) {
        progress = false;
        for (size_t i = 0; i < work->pairing_count; i++) {
            struct hf_object *before = work->pairings[i].before;
            for (size_t k = 1; before && k < before->part_count; k++) {
                struct hf_part *part = &before->parts[k];
                if (part->kind == HF_PART_CODE && !part->family && part->twin &&
                    (part->twin->marks & HF_MARK_CHANGED) &&
                    replace_one(work, &work->pairings[i], part, &progress, err) != 0)
                    return -1;
            }
        }
    }
    return 0;
}
