/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "cleanup.h"
#include "compare/excerpt.h"

#define MAX_CONSTANTS 256  /* of a block; a block with more proves nothing */
#define MAX_AROUND    4096 /* likewise, of its functions */

/* The next piece of a block's code; NULL when there is none. */
static const struct hf_scope_code *next_piece(const struct hf_scope_code *codes, size_t count, size_t *at,
                                              uint64_t block)
{
    while (*at < count && codes[*at].block != block)
        ++*at;
    return *at < count ? &codes[(*at)++] : NULL;
}

static bool same_code(const struct hf_blocks *before, const struct hf_block *left, const struct hf_blocks *after,
                      const struct hf_block *right)
{
    size_t left_count, right_count, left_at = 0, right_at = 0;
    const struct hf_scope_code *left_codes = hf_scopes_code(before->scopes, &left_count);
    const struct hf_scope_code *right_codes = hf_scopes_code(after->scopes, &right_count);

    for (bool any = false;; any = true) {
        const struct hf_scope_code *a = next_piece(left_codes, left_count, &left_at, left->scope->block);
        const struct hf_scope_code *b = next_piece(right_codes, right_count, &right_at, right->scope->block);
        if (!a || !b)
            return any && !a && !b;
        if (a->part->twin != b->part || !hf_excerpt_same(a, left->name, b, right->name))
            return false;
    }
}

static bool covers(const struct hf_blocks *side, uint64_t block, const struct hf_part *part, uint64_t offset)
{
    size_t count, at = 0;
    const struct hf_scope_code *codes = hf_scopes_code(side->scopes, &count);

    for (const struct hf_scope_code *code; (code = next_piece(codes, count, &at, block));)
        if (code->part == part && offset >= code->begin && offset < code->end)
            return true;
    return false;
}

/* Is the variable used, and only by code of its block? */
static bool keeps_to_block(const struct hf_blocks *side, const struct hf_block *block)
{
    const struct hf_object *object = block->name->part->object;
    bool used = false;

    if (block->name->part->name_count != 1 || !block->scope->whole)
        return false;
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *user = &object->parts[i];
        for (size_t k = 0; k < user->reference_count; k++) {
            int64_t offset;
            if (hf_reference_part(&user->references[k], &offset) != block->name->part)
                continue;
            if (!covers(side, block->scope->block, user, user->references[k].offset))
                return false;
            used = true;
        }
    }
    return used;
}

/* What distinguishes a block from others: the constants in its code, and its references other than to the variable. */
struct marks {
    uint64_t constants[MAX_CONSTANTS];
    size_t constant_count;
    uint64_t around[MAX_AROUND]; /* those in code of its functions outside of the block */
    size_t around_count;
    const struct hf_block *block;
    const struct hf_blocks *side;
};

/* Adds the constants of code; false when they are not known. */
static bool add_constants(const struct hf_part *part, uint64_t begin, uint64_t end, uint64_t *constants,
                          size_t *constant_count, size_t limit)
{
    const struct hf_arch_tools *arch = hf_arch_tools_find(part->object->machine);
    size_t room = limit - *constant_count, found;

    if (!arch || !arch->immediates || begin > end || end > part->size ||
        arch->immediates(part->bytes + begin, end - begin, constants + *constant_count, room, &found) != HF_ARCH_OK ||
        found > room)
        return false;
    *constant_count += found;
    return true;
}

/* The first piece of a block in a part at an offset or behind it. */
static const struct hf_scope_code *piece_from(const struct marks *marks, const struct hf_part *part, uint64_t offset)
{
    const struct hf_scope_code *first = NULL;
    size_t count, at = 0;
    const struct hf_scope_code *codes = hf_scopes_code(marks->side->scopes, &count);

    for (const struct hf_scope_code *code; (code = next_piece(codes, count, &at, marks->block->scope->block));)
        if (code->part == part && code->begin >= offset && (!first || code->begin < first->begin))
            first = code;
    return first;
}

/* Constants of the function around all of the block's pieces. */
static bool read_around(struct marks *marks, const struct hf_part *part)
{
    uint64_t at = 0;

    for (const struct hf_scope_code *piece; (piece = piece_from(marks, part, at)); at = piece->end)
        if (piece->end <= at || !add_constants(part, at, piece->begin, marks->around, &marks->around_count, MAX_AROUND))
            return false;
    return add_constants(part, at, part->size, marks->around, &marks->around_count, MAX_AROUND);
}

static bool is_around(const struct marks *marks, uint64_t constant)
{
    for (size_t i = 0; i < marks->around_count; i++)
        if (marks->around[i] == constant)
            return true;
    return false;
}

/* The next value from *at on that a variable is known to hold somewhere in a block; NULL when there is none. */
static const struct hf_scope_known *next_known(const struct hf_blocks *side, const struct hf_block *block, size_t *at)
{
    size_t known_count, code_count;
    const struct hf_scope_known *knowns = hf_scopes_known(side->scopes, &known_count);
    const struct hf_scope_code *codes = hf_scopes_code(side->scopes, &code_count);

    while (*at < known_count) {
        const struct hf_scope_known *known = &knowns[(*at)++];
        size_t piece = 0;
        for (const struct hf_scope_code *code; (code = next_piece(codes, code_count, &piece, block->scope->block));)
            if (known->part == code->part && known->begin < code->end && known->end > code->begin)
                return known;
    }
    return NULL;
}

static bool knows(const struct hf_blocks *side, const struct hf_block *block, const struct hf_scope_known *wanted)
{
    size_t at = 0;

    for (const struct hf_scope_known *known; (known = next_known(side, block, &at));)
        if (known->value == wanted->value && known->plain && strcmp(known->name, wanted->name) == 0)
            return true;
    return false;
}

/*
 * Is every variable that is known to hold a constant in one block known to hold it in all blocks, on both sides? From
 * any other variable, a block may have a constant that would not move with it.
 */
static bool all_know(const struct hf_blocks *one, const struct hf_blocks *other)
{
    for (size_t i = 0; i < one->count; i++) {
        size_t at = 0;
        for (const struct hf_scope_known *known; (known = next_known(one, &one->items[i], &at));) {
            bool everywhere = known->plain;
            for (size_t k = 0; k < one->count && everywhere; k++)
                everywhere = knows(one, &one->items[k], known) && knows(other, &other->items[k], known);
            if (!everywhere)
                return false;
        }
    }
    return true;
}

/* Constants that variables are known to hold in the block may come from these variables. */
static bool add_known(struct marks *marks)
{
    size_t at = 0;

    for (const struct hf_scope_known *known; (known = next_known(marks->side, marks->block, &at));) {
        if (marks->around_count == MAX_AROUND)
            return false;
        marks->around[marks->around_count++] = known->value;
    }
    return true;
}

static bool read_marks(const struct hf_blocks *side, const struct hf_block *block, struct marks *marks)
{
    size_t count, at = 0;
    const struct hf_scope_code *codes = hf_scopes_code(side->scopes, &count);
    const struct hf_part *part = NULL;

    marks->block = block;
    marks->side = side;
    for (const struct hf_scope_code *code; (code = next_piece(codes, count, &at, block->scope->block));) {
        if (!hf_excerpt_readable(code) ||
            !add_constants(code->part, code->begin, code->end, marks->constants, &marks->constant_count, MAX_CONSTANTS))
            return false;
        if (code->part != part && !read_around(marks, code->part))
            return false;
        part = code->part;
    }
    return add_known(marks);
}

static bool has_constant(const struct marks *marks, uint64_t constant)
{
    for (size_t i = 0; i < marks->constant_count; i++)
        if (marks->constants[i] == constant)
            return true;
    return false;
}

static bool refers_to(const struct marks *marks, const struct hf_reference *wanted)
{
    size_t count, at = 0;
    const struct hf_scope_code *codes = hf_scopes_code(marks->side->scopes, &count);

    for (const struct hf_scope_code *code; (code = next_piece(codes, count, &at, marks->block->scope->block));)
        for (size_t i = hf_excerpt_reference(code->part, code->begin);
             i < code->part->reference_count && code->part->references[i].offset < code->end; i++)
            if (code->part->references[i].name == wanted->name)
                return true;
    return false;
}

/*
 * Does one have a constant or a reference by name that the other does not have? References to sections do not count,
 * since their symbols do not identify anything.
 */
static bool has_own_mark(const struct marks *one, const struct marks *other)
{
    size_t count, at = 0;
    const struct hf_scope_code *codes = hf_scopes_code(one->side->scopes, &count);

    for (size_t i = 0; i < one->constant_count; i++)
        if (!has_constant(other, one->constants[i]) && !is_around(one, one->constants[i]))
            return true;
    for (const struct hf_scope_code *code; (code = next_piece(codes, count, &at, one->block->scope->block));)
        for (size_t i = hf_excerpt_reference(code->part, code->begin);
             i < code->part->reference_count && code->part->references[i].offset < code->end; i++) {
            const struct hf_reference *reference = &code->part->references[i];
            int64_t offset;
            const struct hf_part *own = one->block->name ? one->block->name->part : NULL;
            if ((!own || hf_reference_part(reference, &offset) != own) && reference->name->type != STT_SECTION &&
                !refers_to(other, reference))
                return true;
        }
    return false;
}

/* Has, of any two blocks, one a mark that would move with it to the other's place? */
static bool all_marked(const struct hf_blocks *side)
{
    HF_FREE struct marks *marks = calloc(side->count + 1, sizeof(*marks));

    for (size_t i = 0; marks && i < side->count; i++)
        if (!read_marks(side, &side->items[i], &marks[i]))
            return false;
    for (size_t i = 1; marks && i < side->count; i++)
        for (size_t k = 0; k < i; k++)
            if (!has_own_mark(&marks[i], &marks[k]) && !has_own_mark(&marks[k], &marks[i]))
                return false;
    return marks;
}

bool hf_blocks_same(const struct hf_blocks *before, const struct hf_block *left, const struct hf_blocks *after,
                    const struct hf_block *right)
{
    const struct hf_part *old = left->name->part, *new = right->name->part;

    return left->scope->inner && right->scope->inner && keeps_to_block(before, left) && keeps_to_block(after, right) &&
           same_code(before, left, after, right) && (!old->twin || old->twin == new) &&
           (!new->twin || new->twin == old);
}

/* For two variables that the compiler left out there is nothing to compare. */
static bool same_block(const struct hf_blocks *before, const struct hf_block *left, const struct hf_blocks *after,
                       const struct hf_block *right)
{
    if (!left->name || !right->name)
        return !left->name && !right->name && left->scope->inner && right->scope->inner;
    return hf_blocks_same(before, left, after, right);
}

bool hf_blocks_proven(const struct hf_blocks *before, const struct hf_blocks *after)
{
    if (before->count != after->count || before->count < 2)
        return false;
    for (size_t i = 0; i < before->count; i++) {
        const struct hf_block *left = &before->items[i], *right = &after->items[i];
        if ((i > 0 && (before->items[i - 1].scope->block == left->scope->block ||
                       after->items[i - 1].scope->block == right->scope->block)) ||
            !same_block(before, left, after, right))
            return false;
    }
    return all_know(before, after) && all_know(after, before) && all_marked(before) && all_marked(after);
}
