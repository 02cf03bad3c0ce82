/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which part of the old object is which part of the new one. Sets hf_part.twin on both sides.
 *
 * Functions and variables go by their names. Compilers number the names of static locals (count.1) and of function
 * clones (parse.isra.0), and number them anew in each build:
 * - A clone is matched by what its code is, then by its name. Any one-to-one choice is right for functions: callers
 *   that differ under it count as changed.
 * - A static local is matched by the function and scope that declare it (debug information), else by which functions
 *   use it, in the order in which they do. It is state, so a guess is not good enough: what stays open is refused.
 * - Static locals that moved elsewhere, the only one of their name left on both sides, are the same variable.
 * Anonymous parts have no twin: they are compared by content.
 */
#ifndef HF_CORRELATE_H
#define HF_CORRELATE_H

#include "object/object.h"

/* HOTFIX_UNPROVEN naming the static local that cannot be told apart, HOTFIX_MEMORY. */
int hf_correlate(struct hf_object *before, struct hf_object *after, struct hotfix_error *err);

#endif
