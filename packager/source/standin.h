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

#endif
