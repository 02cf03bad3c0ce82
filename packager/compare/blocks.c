/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "cleanup.h"
#include "compare/excerpt.h"
#include "compare/uses.h"
#include "error.h"
#include "object/piece.h"

#define MAX_CONSTANTS 256  /* of a block; a block with more proves nothing */
#define MAX_AROUND    4096 /* likewise, of its functions */

static int by_place(const void *a, const void *b)
{
    const struct hf_block *left = a, *right = b;

    if (left->scope->block != right->scope->block)
        return left->scope->block > right->scope->block ? 1 : -1;
    return (left->scope->entry > right->scope->entry) - (left->scope->entry < right->scope->entry);
}

/* Each block's code: that which debug information gives, or the runs that use the variable. */
static int find_code(struct hf_blocks *blocks, struct hotfix_error *err)
{
    bool known = true;

    for (size_t i = 0; i < blocks->count; i++)
        known &= blocks->items[i].scope->inner;
    if (known)
        blocks->codes = hf_scopes_code(blocks->scopes, &blocks->code_count);
    for (size_t i = 0; i < blocks->count; i++) {
        struct hf_block *block = &blocks->items[i];
        block->place = known ? block->scope->block : block->scope->entry;
        if (!known && block->name && hf_uses_runs(block->name, block->place, &blocks->runs, &blocks->code_count) != 0)
            return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", block->name->text);
    }
    if (!known)
        blocks->codes = blocks->runs;
    return 0;
}

int hf_blocks_init(struct hf_blocks *blocks, const struct hf_roster *names, const struct hf_scopes *scopes,
                   const struct hf_scope *like, struct hotfix_error *err)
{
    size_t lost_count;
    const struct hf_scope *lost = hf_scopes_lost(scopes, &lost_count);

    *blocks =
        (struct hf_blocks){.items = calloc(names->count + lost_count + 1, sizeof(*blocks->items)), .scopes = scopes};
    if (!blocks->items)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", like->name);
    for (size_t i = 0; i < names->count; i++) {
        const struct hf_scope *scope = hf_scope_of(scopes, names->items[i]);
        if (hf_scope_same(scope, like))
            blocks->items[blocks->count++] = (struct hf_block){.name = names->items[i], .scope = scope};
    }
    for (size_t i = 0; i < lost_count; i++)
        if (hf_scope_like_lost(&lost[i], like))
            blocks->items[blocks->count++] = (struct hf_block){.scope = &lost[i]};
    qsort(blocks->items, blocks->count, sizeof(*blocks->items), by_place);
    return find_code(blocks, err);
}

int hf_blocks_single(struct hf_blocks *blocks, const struct hf_scopes *scopes, const struct hf_name *name,
                     struct hotfix_error *err)
{
    *blocks = (struct hf_blocks){.items = calloc(1, sizeof(*blocks->items)), .count = 1, .scopes = scopes};
    if (!blocks->items)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", name->text);
    blocks->items[0] = (struct hf_block){.name = name, .scope = hf_scope_of(scopes, name)};
    return find_code(blocks, err);
}

void hf_blocks_deinit(struct hf_blocks *blocks)
{
    free(blocks->items);
    free(blocks->runs);
}

/* The next piece of a block's code; NULL when there is none. */
static const struct hf_scope_code *next_piece(const struct hf_blocks *side, const struct hf_block *block, size_t *at)
{
    while (*at < side->code_count && side->codes[*at].block != block->place)
        ++*at;
    return *at < side->code_count ? &side->codes[(*at)++] : NULL;
}

static bool same_code(const struct hf_blocks *before, const struct hf_block *left, const struct hf_blocks *after,
                      const struct hf_block *right)
{
    size_t left_at = 0, right_at = 0;

    for (bool any = false;; any = true) {
        const struct hf_scope_code *a = next_piece(before, left, &left_at);
        const struct hf_scope_code *b = next_piece(after, right, &right_at);
        if (!a || !b)
            return any && !a && !b;
        if (a->part->twin != b->part || !hf_excerpt_same(a, left->name, b, right->name))
            return false;
    }
}

static bool covers(const struct hf_blocks *side, const struct hf_block *block, const struct hf_part *part,
                   uint64_t offset)
{
    size_t at = 0;

    for (const struct hf_scope_code *code; (code = next_piece(side, block, &at));)
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
            if (!covers(side, block, user, user->references[k].offset))
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
    size_t at = 0;

    for (const struct hf_scope_code *code; (code = next_piece(marks->side, marks->block, &at));)
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
    size_t known_count;
    const struct hf_scope_known *knowns = hf_scopes_known(side->scopes, &known_count);

    while (*at < known_count) {
        const struct hf_scope_known *known = &knowns[(*at)++];
        size_t piece = 0;
        for (const struct hf_scope_code *code; (code = next_piece(side, block, &piece));)
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

/* Is no variable known to hold an address, or anything else that is not one number, in any block? */
static bool all_plain(const struct hf_blocks *side)
{
    for (size_t i = 0; i < side->count; i++) {
        size_t at = 0;
        for (const struct hf_scope_known *known; (known = next_known(side, &side->items[i], &at));)
            if (!known->plain)
                return false;
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
    size_t at = 0;
    const struct hf_part *part = NULL;

    marks->block = block;
    marks->side = side;
    for (const struct hf_scope_code *code; (code = next_piece(side, block, &at));) {
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

static bool is_literal(const struct hf_reference *reference, struct hf_piece *piece)
{
    return hf_piece_of(reference, piece) && !hf_piece_has_references(piece);
}

/*
 * The function or variable to which a reference leads, if it is known which one that is on both sides: a part with one
 * name, whatever symbol the reference has. NULL when there is none.
 */
static const struct hf_part *thing_of(const struct hf_reference *reference)
{
    int64_t offset;
    const struct hf_part *part = hf_reference_part(reference, &offset);

    return part && !part->anonymous && part->name_count == 1 && part->twin && part->twin->twin == part ? part : NULL;
}

/* Does the name of something outside of the object say which one it is? */
static bool is_named(const struct hf_reference *reference)
{
    return !reference->name->part && reference->name->text[0] != '\0';
}

/* A string is identified by its content, what is outside of the object by its name. */
static bool same_thing(const struct hf_reference *a, const struct hf_reference *b)
{
    struct hf_piece left, right;
    int64_t offset;

    if (is_literal(a, &left) && is_literal(b, &right))
        return left.end - left.begin == right.end - right.begin &&
               memcmp(left.part->bytes + left.begin, right.part->bytes + right.begin, left.end - left.begin) == 0;
    if (thing_of(a) && thing_of(b))
        return thing_of(a) == thing_of(b) || thing_of(a)->twin == thing_of(b);
    if (is_named(a) && is_named(b))
        return strcmp(a->name->text, b->name->text) == 0;
    return hf_reference_part(a, &offset) == hf_reference_part(b, &offset);
}

static bool refers_to(const struct marks *marks, const struct hf_reference *wanted)
{
    size_t at = 0;

    for (const struct hf_scope_code *code; (code = next_piece(marks->side, marks->block, &at));)
        for (size_t i = hf_excerpt_reference(code->part, code->begin);
             i < code->part->reference_count && code->part->references[i].offset < code->end; i++)
            if (same_thing(&code->part->references[i], wanted))
                return true;
    return false;
}

/* Does code of these functions outside of the block refer to the same? */
static bool refers_around(const struct marks *marks, const struct hf_part *part, const struct hf_reference *wanted)
{
    for (size_t i = 0; i < part->reference_count; i++)
        if (!covers(marks->side, marks->block, part, part->references[i].offset) &&
            same_thing(&part->references[i], wanted))
            return true;
    return false;
}

/* Can a reference of a block tell it from others? */
static bool is_telling(const struct marks *marks, const struct hf_reference *reference)
{
    const struct hf_part *own = marks->block->name ? marks->block->name->part : NULL;
    struct hf_piece piece;
    int64_t offset;

    return !(own && hf_reference_part(reference, &offset) == own) &&
           (thing_of(reference) || is_named(reference) || is_literal(reference, &piece));
}

/* Does no other block (NULL: nothing else in its functions) have the constant? */
static bool only_has(const struct marks *one, const struct marks *other, uint64_t constant)
{
    return has_constant(one, constant) && !(other && has_constant(other, constant)) && !is_around(one, constant);
}

static bool only_refers(const struct marks *one, const struct marks *other, const struct hf_reference *reference)
{
    size_t at = 0;

    if (!refers_to(one, reference) || (other && refers_to(other, reference)))
        return false;
    for (const struct hf_scope_code *code; !other && (code = next_piece(one->side, one->block, &at));)
        if (refers_around(one, code->part, reference))
            return false;
    return true;
}

/* What counts as a mark. */
struct kinds {
    bool constants;  /* no block can have one from a variable */
    bool references; /* likewise */
};

static struct kinds kinds_of(const struct hf_blocks *before, const struct hf_blocks *after)
{
    return (struct kinds){.constants = all_know(before, after) && all_know(after, before),
                          .references = all_plain(before) && all_plain(after)};
}

/* Two versions of a block, and of another one or NULL: does the block have the same mark that the other has not? */
static bool has_own_mark(const struct kinds *kinds, const struct marks *before, const struct marks *other_before,
                         const struct marks *after, const struct marks *other_after)
{
    size_t at = 0;

    for (size_t i = 0; kinds->constants && i < before->constant_count; i++)
        if (only_has(before, other_before, before->constants[i]) && only_has(after, other_after, before->constants[i]))
            return true;
    for (const struct hf_scope_code *code; (code = next_piece(before->side, before->block, &at));)
        for (size_t i = hf_excerpt_reference(code->part, code->begin);
             i < code->part->reference_count && code->part->references[i].offset < code->end; i++) {
            const struct hf_reference *reference = &code->part->references[i];
            if (kinds->references && is_telling(before, reference) && only_refers(before, other_before, reference) &&
                only_refers(after, other_after, reference))
                return true;
        }
    return false;
}

static struct marks *read_all(const struct hf_blocks *side)
{
    HF_FREE struct marks *marks = calloc(side->count + 1, sizeof(*marks));

    for (size_t i = 0; marks && i < side->count; i++)
        if (!read_marks(side, &side->items[i], &marks[i]))
            return NULL;
    return hf_move(marks);
}

/*
 * Has, of any two blocks, one a mark that would move with it to the other's place? One whose code changed must have one
 * of its own.
 */
static bool all_marked(const struct hf_blocks *before, const struct hf_blocks *after, const bool *same)
{
    const struct kinds kinds = kinds_of(before, after);
    HF_FREE struct marks *olds = read_all(before);
    HF_FREE struct marks *news = read_all(after);

    for (size_t i = 1; olds && news && i < before->count; i++)
        for (size_t k = 0; k < i; k++) {
            bool one = has_own_mark(&kinds, &olds[i], &olds[k], &news[i], &news[k]);
            bool other = has_own_mark(&kinds, &olds[k], &olds[i], &news[k], &news[i]);
            if (!(one || other) || !(one || same[i]) || !(other || same[k]))
                return false;
        }
    return olds && news;
}

/* Are the runs of all blocks apart from each other, so that each is of one variable? */
static bool are_apart(const struct hf_blocks *side)
{
    for (size_t i = 0; side->runs && i < side->code_count; i++)
        for (size_t k = 0; k < i; k++)
            if (side->runs[i].block != side->runs[k].block && side->runs[i].part == side->runs[k].part &&
                side->runs[i].begin < side->runs[k].end && side->runs[k].begin < side->runs[i].end)
                return false;
    return true;
}

/* May their variables be the same, and is each used, and only by code of its block? */
static bool may_match(const struct hf_blocks *before, const struct hf_block *left, const struct hf_blocks *after,
                      const struct hf_block *right)
{
    const struct hf_part *old = left->name->part, *new = right->name->part;

    return !before->runs == !after->runs && keeps_to_block(before, left) && keeps_to_block(after, right) &&
           (!old->twin || old->twin == new) && (!new->twin || new->twin == old);
}

bool hf_blocks_same(const struct hf_blocks *before, const struct hf_block *left, const struct hf_blocks *after,
                    const struct hf_block *right)
{
    return may_match(before, left, after, right) &&
           ((!before->runs && same_code(before, left, after, right)) || hf_uses_alike(left->name, right->name));
}

bool hf_blocks_marked(const struct hf_blocks *before, const struct hf_blocks *after)
{
    const struct kinds kinds = kinds_of(before, after);
    HF_FREE struct marks *old = read_all(before);
    HF_FREE struct marks *new = read_all(after);

    return old && new &&has_own_mark(&kinds, old, NULL, new, NULL);
}

/* May the blocks match? *same: their code is the same; for two variables that were left out nothing is compared. */
static bool match_block(const struct hf_blocks *before, const struct hf_block *left, const struct hf_blocks *after,
                        const struct hf_block *right, bool *same)
{
    *same = !left->name || !right->name || hf_blocks_same(before, left, after, right);
    if (!left->name || !right->name)
        return !left->name && !right->name && !before->runs && !after->runs;
    return *same || (!before->runs && may_match(before, left, after, right));
}

bool hf_blocks_proven(const struct hf_blocks *before, const struct hf_blocks *after)
{
    HF_FREE bool *same = calloc(before->count + 1, sizeof(*same));

    if (!same || before->count != after->count || before->count < 2 || !are_apart(before) || !are_apart(after))
        return false;
    for (size_t i = 0; i < before->count; i++) {
        const struct hf_block *left = &before->items[i], *right = &after->items[i];
        if ((i > 0 && (before->items[i - 1].place == left->place || after->items[i - 1].place == right->place)) ||
            !match_block(before, left, after, right, &same[i]))
            return false;
    }
    return all_marked(before, after, same);
}
