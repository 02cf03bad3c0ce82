/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for temporary files of a build, in which no other user can replace files. */
#ifndef HF_TEMPORARY_H
#define HF_TEMPORARY_H

#include "hotfix/error.h"

/*
 * Makes a directory for this user alone, below TMPDIR or /tmp: *path is malloc'ed. HOTFIX_TRUST if other users can
 * change its content (safepath.h), HOTFIX_IO, HOTFIX_MEMORY. In a user namespace that does not map root, owners of
 * directories cannot be checked, and the directory is used as it is.
 */
int hf_temporary_make(char **path, struct hotfix_error *err);

#endif
