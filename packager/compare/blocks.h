/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matches old and new static variables if one function has several with the same name, type and initial value in its
 * blocks, and was changed outside of these blocks.
 *
 * Blocks of variables that the compiler left out count, too: the same ones must be on both sides. It is proven that no
 * block was added, removed or exchanged with another: both sides have equally many blocks; all code that uses a
 * variable lies in its block; each block is the same as that of the same rank: its code, including inlined copies, or
 * each straight run of instructions that uses the variable, is the same, register by register; and of any two blocks,
 * one has on both sides a constant, a string or a reference that the other does not have, and that would move with it.
 * A constant that the function also has elsewhere does not count, and none counts if a variable is known to hold a
 * constant in the block, since the code may have got it from there. References count unless a variable may hold an
 * address in a block. A block whose code changed must itself have such a mark.
 *
 * Where debug information does not say which block a variable is in (clang), the straight runs that use the variable
 * stand for its block; they must not have changed.
 */
#ifndef HF_BLOCKS_H
#define HF_BLOCKS_H

#include "compare/roster.h"
#include "object/scope.h"

/* A static variable of a block, with what debug information says of it. */
struct hf_block {
    const struct hf_name *name; /* NULL: the compiler left it out */
    const struct hf_scope *scope;
    uint64_t place; /* of its code in hf_blocks.codes */
};

/* All variables of one declaration on one side, in the order of their blocks. */
struct hf_blocks {
    struct hf_block *items;
    size_t count;
    const struct hf_scopes *scopes;
    const struct hf_scope_code *codes; /* with the blocks' places as blocks */
    size_t code_count;
    struct hf_scope_code *runs; /* `codes` if they are runs of instructions; else NULL */
};

/* Lists the variables of these names that are declared like one, and those that were left out. HOTFIX_MEMORY. */
int hf_blocks_init(struct hf_blocks *blocks, const struct hf_roster *names, const struct hf_scopes *scopes,
                   const struct hf_scope *like, struct hotfix_error *err);
/* Only one variable, which scopes know. HOTFIX_MEMORY. */
int hf_blocks_single(struct hf_blocks *blocks, const struct hf_scopes *scopes, const struct hf_name *name,
                     struct hotfix_error *err);
void hf_blocks_deinit(struct hf_blocks *blocks);
#define HF_BLOCKS __attribute__((cleanup(hf_blocks_deinit)))

/*
 * Is the variable of one block used by the same code as that of the other block, and by no other code? Both must have a
 * name.
 */
bool hf_blocks_same(const struct hf_blocks *before, const struct hf_block *left, const struct hf_blocks *after,
                    const struct hf_block *right);

/*
 * Has the code of the first block of both sides the same constant, string or reference that the rest of its functions
 * does not have, so that it would move with the block?
 */
bool hf_blocks_marked(const struct hf_blocks *before, const struct hf_blocks *after);

/* Is it proven that the variables without a twin match those of the same rank on the other side? */
bool hf_blocks_proven(const struct hf_blocks *before, const struct hf_blocks *after);

#endif
