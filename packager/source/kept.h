/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first build of a tree, kept for the next fix of the same release: the tree as that build left it, and its
 * journal. What made them (versions of compilers and libraries, the command) is a key that must be the same.
 */
#ifndef HF_KEPT_H
#define HF_KEPT_H

#include <stdbool.h>

#include "hotfix/error.h"

struct hf_kept {
    char *directory; /* everything below is in there */
    char *tree;
    char *journal; /* a directory */
    char *key;     /* a file, written last */
    bool complete; /* there is a whole build under this key */
};

/*
 * Looks into `directory`, which exists. What is there under another key, or is not complete, is removed, and an empty
 * journal is made. HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_kept_open(const char *directory, const char *key, struct hf_kept *kept, struct hotfix_error *err);

/* The tree was copied and the journal is whole: the next one may use them. HOTFIX_IO. */
int hf_kept_complete(struct hf_kept *kept, const char *key, struct hotfix_error *err);

void hf_kept_deinit(struct hf_kept *kept);

#endif
