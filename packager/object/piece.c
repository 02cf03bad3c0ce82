/* SPDX-License-Identifier: Apache-2.0 */
#include "object/piece.h"

#include <stdlib.h>
#include <string.h>

#include "arch.h"

static bool may_hold(const struct hf_part *part)
{
    return part && part->bytes && (part->kind == HF_PART_MERGE || part->kind == HF_PART_CONST);
}

/* Does it lie in a constant that has a name? Without -fdata-sections these share a section with the others. */
static bool is_named(const struct hf_part *part, uint64_t offset)
{
    for (size_t i = 0; i < part->name_count; i++)
        if (part->names[i]->value == offset ||
            (part->names[i]->value < offset && offset - part->names[i]->value < part->names[i]->size))
            return true;
    return false;
}

/* The offset that a reference means in its part; false when the linker alone can tell. */
static bool offset_of(const struct hf_arch_tools *arch, const struct hf_reference *reference, uint64_t *offset)
{
    const struct hf_part *part = reference->name->part;
    enum hf_relation relation = arch->relation(reference->type);
    bool behind = arch->from_behind && relation == HF_RELATION_NEAR;
    bool section = reference->name->type == STT_SECTION;

    if (!may_hold(part) ||
        (relation != HF_RELATION_NEAR && relation != HF_RELATION_WORD && relation != HF_RELATION_SHORT) ||
        (part->kind == HF_PART_MERGE && section && behind) || (part->kind != HF_PART_MERGE && !arch->from_behind))
        return false;
    /* A linker that merges goes by the symbol, and adds the addend to what it finds. */
    *offset = reference->name->value;
    if (part->kind != HF_PART_MERGE || section)
        *offset += (uint64_t)reference->addend + (behind ? arch->field_size(reference->type) : 0);
    return *offset < part->size && (part->kind == HF_PART_MERGE || part->anonymous || !is_named(part, *offset));
}

static int by_place(const void *a, const void *b)
{
    const struct hf_point *left = a, *right = b;

    if (left->part->index != right->part->index)
        return left->part->index < right->part->index ? -1 : 1;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

/* Lists once where in its constants the object's references point. */
static bool read_points(struct hf_object *object, const struct hf_arch_tools *arch)
{
    size_t total = 0;

    if (object->points)
        return true;
    for (size_t i = 1; i < object->part_count; i++)
        total += object->parts[i].reference_count;
    object->points = calloc(total + 1, sizeof(*object->points));
    for (size_t i = 1; object->points && i < object->part_count; i++)
        for (size_t k = 0; k < object->parts[i].reference_count; k++) {
            const struct hf_reference *reference = &object->parts[i].references[k];
            uint64_t offset;
            if (offset_of(arch, reference, &offset))
                object->points[object->point_count++] = (struct hf_point){reference->name->part, offset};
        }
    if (object->point_count > 0)
        qsort(object->points, object->point_count, sizeof(*object->points), by_place);
    return object->points;
}

/* The next place in the part that has a name, or its end. */
static uint64_t next_name(const struct hf_part *part, uint64_t offset)
{
    uint64_t next = part->size;

    for (size_t i = 0; i < part->name_count; i++)
        if (part->names[i]->value > offset && part->names[i]->value < next)
            next = part->names[i]->value;
    return next;
}

/* The next place in the part that something refers to, or its end. */
static uint64_t next_point(const struct hf_part *part, uint64_t offset)
{
    const struct hf_object *object = part->object;
    const struct hf_point key = {part, offset};
    size_t low = 0;

    for (size_t high = object->point_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (by_place(&object->points[middle], &key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < object->point_count && object->points[low].part == part ? object->points[low].offset : part->size;
}

static bool is_padding(const uint8_t *begin, const uint8_t *end)
{
    while (begin < end && *begin == 0)
        begin++;
    return begin == end;
}

bool hf_piece_of(const struct hf_reference *reference, struct hf_piece *piece)
{
    const struct hf_part *part = reference->name->part;
    const struct hf_arch_tools *arch = part ? hf_arch_tools_find(part->object->machine) : NULL;
    uint64_t offset, begin, end;

    if (!arch || !offset_of(arch, reference, &offset))
        return false;
    if (part->kind == HF_PART_MERGE) {
        if (!hf_part_piece(part, (int64_t)offset, &begin, &end) || begin != offset)
            return false;
    } else {
        if (!read_points(part->object, arch))
            return false;
        begin = offset;
        end = next_point(part, offset);
        if (!part->anonymous && next_name(part, offset) < end)
            end = next_name(part, offset);
        /* Other constants than strings may be reached from the one before. */
        const uint8_t *nul = memchr(part->bytes + begin, 0, end - begin);
        if (!nul || !is_padding(nul, part->bytes + end))
            return false;
        end = (uint64_t)(nul - part->bytes) + 1;
    }
    *piece = (struct hf_piece){part, begin, end};
    return true;
}

bool hf_piece_has_references(const struct hf_piece *piece)
{
    for (size_t i = 0; i < piece->part->reference_count; i++)
        if (piece->part->references[i].offset + 8 > piece->begin && piece->part->references[i].offset < piece->end)
            return true;
    return false;
}
