/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/excerpt.h"

#include <string.h>

#include "arch.h"
#include "compare/compare.h"

bool hf_excerpt_names(const struct hf_part *part, size_t reference, const struct hf_name *variable)
{
    const struct hf_arch_tools *arch = hf_arch_tools_find(part->object->machine);
    const struct hf_reference *what = &part->references[reference];
    struct hf_arch_store store;
    size_t field = what->offset;
    int64_t offset;

    if (hf_reference_part(what, &offset) != variable->part)
        return false;
    if (variable->part->name_count == 1)
        return true;
    if (arch->from_behind && arch->relation(what->type) == HF_RELATION_NEAR) {
        if (part->kind != HF_PART_CODE || !part->bytes || !arch->stores ||
            arch->stores(part->bytes, part->size, &field, 1, &store) != HF_ARCH_OK)
            return true;
        offset += (int64_t)store.behind;
    }
    return offset >= (int64_t)variable->value && offset < (int64_t)(variable->value + variable->size);
}

/* Compares one reference of each, with its offset from the begin of the code. */
static bool same_reference(const struct hf_scope_code *before, size_t before_index, const struct hf_name *before_own,
                           const struct hf_scope_code *after, size_t after_index, const struct hf_name *after_own)
{
    struct hf_reference left = before->part->references[before_index], right = after->part->references[after_index];
    bool own = hf_excerpt_names(before->part, before_index, before_own);
    int64_t left_offset, right_offset;

    if (own != hf_excerpt_names(after->part, after_index, after_own))
        return false;
    left.offset -= before->begin;
    right.offset -= after->begin;
    if (!own)
        return hf_compare_reference(&left, &right);
    hf_reference_part(&left, &left_offset);
    hf_reference_part(&right, &right_offset);
    return left.offset == right.offset && left.type == right.type &&
           left_offset - (int64_t)before_own->value == right_offset - (int64_t)after_own->value;
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

/* Bytes of a field that a relocation fills in are ignored. */
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
        if (!same_reference(before, left, before_own, after, right, after_own))
            return false;
    }
}
