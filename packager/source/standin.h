/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy of a tree in the tree's own place, for this process and those that it starts: symbolic links and makefiles
 * that name the tree by its whole path then lead into the copy. Done with a mount namespace (mount_namespaces(7)), of a
 * user namespace where mounting is not permitted otherwise.
 */
#ifndef HF_STANDIN_H
#define HF_STANDIN_H

#include <stdbool.h>

#include "hotfix/error.h"

/*
 * Gives this process, which must have one thread, a mount namespace of its own. False where the kernel, a container or
 * a security module does not allow it.
 */
bool hf_standin_allowed(void);

/* The directory `copy` is seen at `place` from now on, in place of what was seen there. HOTFIX_IO. */
int hf_standin_put(const char *copy, const char *place, struct hotfix_error *err);

/* Takes the topmost copy away again. HOTFIX_IO. */
int hf_standin_take(const char *place, struct hotfix_error *err);

/* Whether hf_standin_enter() would hide nothing: a whole path of a directory that is not there, or is empty. */
bool hf_standin_has_room(const char *directory);

/*
 * Makes an empty directory at the whole path `place`, and those above it, which this process and those that it starts
 * have from now on and nobody else: it ends with them. hf_standin_has_room() for the directory of `place`. What is
 * written beside the place is in a directory below `work`, an existing directory; what is made elsewhere where the
 * first new directory is, is lost. HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_standin_enter(const char *place, const char *work, struct hotfix_error *err);

#endif
