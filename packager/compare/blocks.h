/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which static variable is which where one function has several of one name, type and initial value in its blocks, and
 * was changed outside of these.
 *
 * Those that compilers left out are blocks like others: the same ones must be on both sides. Shown is that no block
 * came, went or changed places with another: both sides have equally many; the code of each, inlined copies included,
 * is the same as that of the block of the same rank, register by register; all code that uses the variable lies in its
 * block; and of any two, one has a constant or refers to something that the other does not, which it would take along
 * if it were moved. That is no constant that the function has elsewhere, too, and none at all where a variable is known
 * to hold one in the block: the code may have it from there. A block whose own code changed shows
 * nothing.
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
 * Is the variable of one block, in the place of the other, used by the same code and by no other? Of both, name and the
 * scopes of their sides must be there.
 */
bool hf_blocks_same(const struct hf_blocks *before, const struct hf_block *left, const struct hf_blocks *after,
                    const struct hf_block *right);

/* Are those that have no twin yet shown to be the ones of the same rank on the other side? */
bool hf_blocks_proven(const struct hf_blocks *before, const struct hf_blocks *after);

#endif
