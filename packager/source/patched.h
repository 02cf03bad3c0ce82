/* SPDX-License-Identifier: Apache-2.0 */
/* Patch files: which files they touch, whether they apply, and applying them (patch(1), -p1, without fuzz). */
#ifndef HF_PATCHED_H
#define HF_PATCHED_H

#include <stddef.h>

#include "hotfix/error.h"

struct hf_patched {
    const char *const *patches; /* in the order in which they apply; owned by the caller */
    size_t patch_count;
    char **files; /* that they touch, below the tree, each once; renamed ones under both names */
    size_t file_count;
    char **shifted; /* of these, where a hunk applies at other lines than its patch says */
    size_t shifted_count;
};

/* Reads which files the patches touch. HOTFIX_USAGE for a patch that touches none; HOTFIX_IO, HOTFIX_MEMORY. */
int hf_patched_read(const char *const *patches, size_t count, struct hf_patched *patched, struct hotfix_error *err);
void hf_patched_deinit(struct hf_patched *patched);

/*
 * Applies the patches to copies of the files that they touch, in the directory `scratch`, which is made; tells which
 * are shifted. HOTFIX_USAGE when one does not apply: the message names it, where it fails and the log; HOTFIX_IO,
 * HOTFIX_MEMORY.
 */
int hf_patched_try(struct hf_patched *patched, const char *tree, const char *scratch, const char *log,
                   struct hotfix_error *err);

/* Applies the patches in the directory `tree`, which messages call `name`. As hf_patched_try(). */
int hf_patched_apply(const struct hf_patched *patched, const char *tree, const char *name, const char *log,
                     struct hotfix_error *err);

#endif
