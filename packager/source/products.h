/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an earlier build left in a source tree. A tree that was built before hides how its objects were made: make finds
 * nothing to do, and objects whose headers nobody tracks stay as they are.
 */
#ifndef HF_PRODUCTS_H
#define HF_PRODUCTS_H

#include <stdbool.h>

#include "hotfix/error.h"

/* What compilers, linkers and libtool make: ELF files, archives of objects, .lo and .la files. Symbolic links are left
 * alone. */

/* *found: there is such a file below the tree. HOTFIX_IO. */
int hf_products_find(const char *tree, bool *found, struct hotfix_error *err);

/*
 * Makes all other files of the tree newer than these, and of one age, so that make builds anew what it knows how to
 * build, and nothing else: what it does not know, as libraries that were built by hand, stays. HOTFIX_IO naming the
 * file.
 */
int hf_products_outdate(const char *tree, struct hotfix_error *err);

#endif
