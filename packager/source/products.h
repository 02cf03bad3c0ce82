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

/* Removes all of them. HOTFIX_IO naming the file. */
int hf_products_remove(const char *tree, struct hotfix_error *err);

#endif
