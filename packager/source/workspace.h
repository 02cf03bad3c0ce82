/* SPDX-License-Identifier: Apache-2.0 */
/* The directory that a build of a source tree happens in. */
#ifndef HF_WORKSPACE_H
#define HF_WORKSPACE_H

#include <stdbool.h>

#include "hotfix/error.h"

struct hf_workspace {
    char *path;     /* owned */
    bool temporary; /* ours: goes away when the work succeeded */
};

/*
 * The directory `given`, which is made when it does not exist and must be empty otherwise; or with NULL a new one below
 * TMPDIR. Nobody else may enter it afterwards. HOTFIX_IO; HOTFIX_USAGE when there is something in it; HOTFIX_TRUST when
 * it or a directory above it belongs to or may be written by another user (owned.h).
 */
int hf_workspace_init(struct hf_workspace *workspace, const char *given, struct hotfix_error *err);

/* Removes a temporary directory with all that is in it. HOTFIX_IO. */
int hf_workspace_remove(const struct hf_workspace *workspace, struct hotfix_error *err);

/* Removes a directory with all that is in it; that it is not there is fine. HOTFIX_IO. */
int hf_workspace_clear(const char *path, struct hotfix_error *err);

void hf_workspace_deinit(struct hf_workspace *workspace);

#endif
