/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/excerpt.h"

#include <string.h>

#include "arch.h"
#include "compare/compare.h"

#define NEAR_ADDEND 8 /* the most bytes from a field to the end of its instruction */

/* Does a reference name the variable, or what lies a few bytes off, as addends do? */
static bool is_own(const struct hf_part *part, int64_t offset, const struct hf_name *own)
{
    int64_t distance = offset - (int64_t)own->value;

    return part == own->part && (part->name_count == 1 || (distance >= -NEAR_ADDEND && distance < (int64_t)own->size));
}

/* What of one reference is compared: where it lies from the begin of the code. */
static bool same_reference(const struct hf_reference *before, uint64_t before_begin, const struct hf_name *before_own,
                           const struct hf_reference *after, uint64_t after_begin, const struct hf_name *after_own)
{
    struct hf_reference left = *before, right = *after;
    int64_t left_offset, right_offset;

    left.offset -= before_begin;
    right.offset -= after_begin;
    const struct hf_part *left_part = hf_reference_part(&left, &left_offset);
    const struct hf_part *right_part = hf_reference_part(&right, &right_offset);
    if (is_own(left_part, left_offset, before_own) && is_own(right_part, right_offset, after_own))
        return left.offset == right.offset && left.type == right.type &&
               left_offset - (int64_t)before_own->value == right_offset - (int64_t)after_own->value;
    return hf_compare_reference(&left, &right);
}

size_t hf_excerpt_reference(const struct hf_part *part, uint64_t offset)
{
    size_t low = 0, high = part->reference_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (part->references[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Bytes of a field that a relocation fills in say nothing. */
static bool same_bytes(const struct hf_scope_code *before, const struct hf_scope_code *after)
{
    const struct hf_arch_tools *arch = hf_arch_tools_find(before->part->object->machine);
    uint64_t size = before->end - before->begin, at = 0;

    for (size_t i = hf_excerpt_reference(before->part, before->begin); i < before->part->reference_count; i++) {
        const struct hf_reference *reference = &before->part->references[i];
        if (reference->offset >= before->end)
            break;
        uint64_t field = reference->offset - before->begin, width = arch->field_size(reference->type);
        if (field < at || width > size - field ||
            memcmp(before->part->bytes + before->begin + at, after->part->bytes + after->begin + at, field - at) != 0)
            return false;
        at = field + width;
    }
    return memcmp(before->part->bytes + before->begin + at, after->part->bytes + after->begin + at, size - at) == 0;
}

bool hf_excerpt_readable(const struct hf_scope_code *code)
{
    return code->part->kind == HF_PART_CODE && code->part->bytes && code->begin < code->end &&
           code->end <= code->part->size;
}

bool hf_excerpt_same(const struct hf_scope_code *before, const struct hf_name *before_own,
                     const struct hf_scope_code *after, const struct hf_name *after_own)
{
    if (!hf_excerpt_readable(before) || !hf_excerpt_readable(after) ||
        before->end - before->begin != after->end - after->begin || !same_bytes(before, after))
        return false;
    size_t left = hf_excerpt_reference(before->part, before->begin),
           right = hf_excerpt_reference(after->part, after->begin);
    for (;; left++, right++) {
        bool left_ends = left == before->part->reference_count || before->part->references[left].offset >= before->end;
        bool right_ends = right == after->part->reference_count || after->part->references[right].offset >= after->end;
        if (left_ends || right_ends)
            return left_ends && right_ends;
        if (!same_reference(&before->part->references[left], before->begin, before_own, &after->part->references[right],
                            after->begin, after_own))
            return false;
    }
}
