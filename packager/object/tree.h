/* SPDX-License-Identifier: Apache-2.0 */
/* The object files below a directory, or one alone, by the path that pairs them with those of another tree. */
#ifndef HF_OBJECT_TREE_H
#define HF_OBJECT_TREE_H

#include <stddef.h>

#include "hotfix/error.h"

#define HF_OBJECT_TREE_MAX 65536u /* files */

struct hf_object_file {
    char *path;
    char *name; /* relative to the tree; for a single file its last path element */
};

struct hf_object_tree {
    struct hf_object_file *files; /* ordered by name */
    size_t count;
};

/*
 * Lists regular files whose name ends in ".o"; symbolic links are not followed. HOTFIX_IO; HOTFIX_USAGE when there is
 * none.
 */
int hf_object_tree_read(const char *path, struct hf_object_tree *tree, struct hotfix_error *err);
void hf_object_tree_deinit(struct hf_object_tree *tree);

/* The file of this name, or NULL. */
const struct hf_object_file *hf_object_tree_find(const struct hf_object_tree *tree, const char *name);

#endif
