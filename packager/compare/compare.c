/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/compare.h"

#include <string.h>

#include "object/piece.h"
#include "object/unwind.h"

#define MAX_DEPTH 8 /* tables that point to tables */

static bool parts_equal(const struct hf_part *before, const struct hf_part *after, int depth);

bool hf_parts_twins(const struct hf_part *before, const struct hf_part *after)
{
    return before->twin == after || after->twin == before;
}

/* Merged strings and constants: the pieces that the offsets lie in. */
static bool pieces_equal(const struct hf_part *before, int64_t before_offset, const struct hf_part *after,
                         int64_t after_offset)
{
    uint64_t before_start;
    uint64_t before_end;
    uint64_t after_start;
    uint64_t after_end;

    if (before->entry_size != after->entry_size || ((before->flags ^ after->flags) & SHF_STRINGS) ||
        before->reference_count > 0 || after->reference_count > 0 ||
        !hf_part_piece(before, before_offset, &before_start, &before_end) ||
        !hf_part_piece(after, after_offset, &after_start, &after_end))
        return false;
    return before_end - before_start == after_end - after_start &&
           before_offset - (int64_t)before_start == after_offset - (int64_t)after_start &&
           memcmp(before->bytes + before_start, after->bytes + after_start, before_end - before_start) == 0;
}

/* Strings that do not merge lie side by side, and may have moved. */
static bool strings_equal(const struct hf_reference *before, const struct hf_reference *after)
{
    struct hf_piece left, right;

    return hf_piece_of(before, &left) && hf_piece_of(after, &right) && left.part->kind == right.part->kind &&
           left.end - left.begin == right.end - right.begin && !hf_piece_has_references(&left) &&
           !hf_piece_has_references(&right) &&
           memcmp(left.part->bytes + left.begin, right.part->bytes + right.begin, left.end - left.begin) == 0;
}

static bool reference_equal(const struct hf_reference *before, const struct hf_reference *after, int depth)
{
    int64_t before_offset;
    int64_t after_offset;
    const struct hf_part *before_part = hf_reference_part(before, &before_offset);
    const struct hf_part *after_part = hf_reference_part(after, &after_offset);

    if (before->offset != after->offset || before->type != after->type)
        return false;
    if (!before_part && !after_part)
        return before->addend == after->addend && before->name->value == after->name->value &&
               strcmp(before->name->text, after->name->text) == 0;
    if (!before_part || !after_part)
        return false;
    if (hf_parts_twins(before_part, after_part))
        return before_offset == after_offset;
    if (!before_part->anonymous || !after_part->anonymous || depth >= MAX_DEPTH)
        return false;
    if (before_part->kind == HF_PART_MERGE && after_part->kind == HF_PART_MERGE)
        return (before->name->type == STT_SECTION || after->name->type == STT_SECTION ||
                before->addend == after->addend) &&
               pieces_equal(before_part, before_offset, after_part, after_offset);
    return strings_equal(before, after) ||
           (before_offset == after_offset && parts_equal(before_part, after_part, depth + 1));
}

static bool references_equal(const struct hf_part *before, const struct hf_part *after, int depth)
{
    if (before->reference_count != after->reference_count)
        return false;
    for (size_t i = 0; i < before->reference_count; i++)
        if (!reference_equal(&before->references[i], &after->references[i], depth))
            return false;
    return true;
}

static bool parts_equal(const struct hf_part *before, const struct hf_part *after, int depth)
{
    if (before->size != after->size || before->kind != after->kind || !before->bytes != !after->bytes)
        return false;
    if (before->bytes && memcmp(before->bytes, after->bytes, before->size) != 0)
        return false;
    return references_equal(before, after, depth);
}

bool hf_compare_reference(const struct hf_reference *before, const struct hf_reference *after)
{
    return reference_equal(before, after, 0);
}

bool hf_compare_references(const struct hf_part *before, const struct hf_part *after)
{
    return references_equal(before, after, 0);
}

bool hf_compare_parts(const struct hf_part *before, const struct hf_part *after)
{
    return parts_equal(before, after, 0);
}

bool hf_compare_places(const struct hf_part *before, const struct hf_part *after)
{
    for (size_t i = 0; i < after->name_count; i++)
        for (size_t k = 0; k < before->name_count; k++)
            if (strcmp(after->names[i]->text, before->names[k]->text) == 0 &&
                after->names[i]->text[hf_name_stem(after->names[i]->text)] == '\0' &&
                strncmp(after->names[i]->text, ".L", 2) != 0 && after->names[i]->value != before->names[k]->value)
                return false;
    return true;
}

static bool is_part(const struct hf_part *code, void *arg)
{
    return code == arg;
}

bool hf_compare_unwind(const struct hf_part *before, const struct hf_part *after)
{
    const struct hf_part *left_part = before->object->unwind;
    const struct hf_part *right_part = after->object->unwind;
    struct hf_unwind left;
    struct hf_unwind right;

    if (!before->object->has_exceptions && !after->object->has_exceptions)
        return true;
    if (!left_part || !right_part)
        return left_part == right_part;
    if (hf_unwind_cut(left_part, is_part, (void *)before, &left, NULL) != 0)
        return false;
    if (hf_unwind_cut(right_part, is_part, (void *)after, &right, NULL) != 0) {
        hf_unwind_deinit(&left);
        return false;
    }
    bool equal = left.reference_count == right.reference_count;
    for (size_t i = 0; equal && i < left.reference_count; i++)
        equal = hf_compare_reference(&left.references[i], &right.references[i]);
    hf_unwind_deinit(&left);
    hf_unwind_deinit(&right);
    return equal;
}

bool hf_compare_functions(const struct hf_part *before, const struct hf_part *after)
{
    return parts_equal(before, after, 0) && hf_compare_unwind(before, after);
}
