/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a file is in safe hands: only this user and root can change it, or put something else in its place. The user
 * is the effective one, so that in a setuid program the caller has no say.
 */
#ifndef HF_OWNED_H
#define HF_OWNED_H

#include <stdbool.h>
#include <sys/stat.h>

#include "hotfix/error.h"

/*
 * Refuses, with this code, what belongs to another user or may be written by others. above: the file is a directory
 * that something else lies in, where a sticky bit is enough, since then others cannot replace what is not theirs. what
 * begins the message ("trust store").
 */
int hf_owned_check(const char *what, const char *path, const struct stat *status, bool above, enum hotfix_code code,
                   struct hotfix_error *err);

/* Refuses what belongs to another user. */
int hf_owned_by(const char *what, const char *path, const struct stat *status, enum hotfix_code code,
                struct hotfix_error *err);

/* All directories above an absolute path without symbolic links, up to the root. HOTFIX_MEMORY too. */
int hf_owned_check_above(const char *what, const char *path, enum hotfix_code code, struct hotfix_error *err);

#endif
