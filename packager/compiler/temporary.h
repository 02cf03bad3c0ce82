/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for what is built and thrown away: nobody else can put something in the place of what lies there. */
#ifndef HF_TEMPORARY_H
#define HF_TEMPORARY_H

#include "hotfix/error.h"

/*
 * Makes a directory for this user alone, below TMPDIR or /tmp: *path is malloc'ed. HOTFIX_TRUST where others have a say
 * in what lies there (safepath.h), HOTFIX_IO, HOTFIX_MEMORY. In a sandbox that does not even know root nothing can be
 * told of a directory, and it is taken as it is.
 */
int hf_temporary_make(char **path, struct hotfix_error *err);

#endif
