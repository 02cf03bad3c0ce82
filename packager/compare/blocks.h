/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matches old and new static variables if one function has several with the same name, type and initial value in its
 * blocks, and was changed outside of these blocks.
 *
 * Blocks of variables that the compiler left out count, too: the same ones must be on both sides. It is proven that no
 * block was added, removed or exchanged with another: both sides have equally many blocks; the code of each block,
 * including inlined copies, is the same as that of the block of the same rank, register by register; all code that uses
 * the variable lies in its block; and of any two blocks, one has a constant or a reference that the other does not
 * have, and that would move with it. A constant that the function also has elsewhere does not count, and none counts if
 * a variable is known to hold a constant in the block, since the code may have got it from there. A block whose own
 * code changed proves nothing.
 */
#ifndef HF_BLOCKS_H
#define HF_BLOCKS_H

#include "object/scope.h"

/* A static variable of a block, with what debug information says of it. */
struct hf_block {
    const struct hf_name *name; /* NULL: the compiler left it out */
    const struct hf_scope *scope;
};

/* All variables of one declaration on one side, in the order of their blocks. */
struct hf_blocks {
    const struct hf_block *items;
    size_t count;
    const struct hf_scopes *scopes;
};

/*
 * Is the variable of one block used by the same code as that of the other block, and by no other code? Both must have a
 * name, and the scopes of both sides must exist.
 */
bool hf_blocks_same(const struct hf_blocks *before, const struct hf_block *left, const struct hf_blocks *after,
                    const struct hf_block *right);

/* Is it proven that the variables without a twin match those of the same rank on the other side? */
bool hf_blocks_proven(const struct hf_blocks *before, const struct hf_blocks *after);

#endif
