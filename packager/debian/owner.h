/* SPDX-License-Identifier: Apache-2.0 */
/* Which package a file of this machine came with, as dpkg knows it. */
#ifndef HF_OWNER_H
#define HF_OWNER_H

#include <stddef.h>

#include "hotfix/error.h"

/* The binary package's name, malloc'ed, without its architecture; NULL when no package has the file, or nobody knows.
 */
char *hf_owner_find(const char *path);

/*
 * Adds to a message that ends in what is true of these files which packages they are of, in which versions, which other
 * versions apt has, and what to do; nothing where no package has them.
 */
void hf_owner_explain(char *const *files, size_t count, struct hotfix_error *err);

#endif
