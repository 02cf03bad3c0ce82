/* SPDX-License-Identifier: Apache-2.0 */
/* A type's layout as lines for people: offset, type and name of each member. */
#ifndef HF_LISTING_H
#define HF_LISTING_H

#include "types/type.h"

/*
 * Two definitions side by side, the target's left and the patch's right; if there are many lines, those that are equal
 * on both sides are left out. malloc'ed, each line ends with a newline; NULL when out of memory.
 */
char *hf_listing(Dwarf_Debug before, const struct hf_type *old, Dwarf_Debug after, const struct hf_type *new);

#endif
