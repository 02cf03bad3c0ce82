/* SPDX-License-Identifier: Apache-2.0 */
/* Handles for the code that loads the library into a process that does not link it. */
#ifndef HF_HANDLE_H
#define HF_HANDLE_H

#include "hotfix.h"
#include "trustfile.h"

/*
 * As hotfix_open() with the files of a trust store that messages call path; without files (NULL), for a handle that
 * only reverts. HOTFIX_TRUST, HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_handle_create(const char *path, const struct hf_trust_files *files, struct hotfix **hotfix,
                     struct hotfix_error *error);

/* As hotfix_list(), without a handle. */
int hf_handle_list(struct hotfix_applied **list, size_t *count, struct hotfix_error *error);

#endif
