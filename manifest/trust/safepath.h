/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a path leads to when nobody else has a say in that: each directory on the way, and each symbolic link, is in
 * safe hands (owned.h). It would not do to look at the place that it leads to: whoever can change a link on the way
 * chooses among all places that are in safe hands, of which one may hold copies of what others wrote.
 */
#ifndef HF_SAFEPATH_H
#define HF_SAFEPATH_H

#include "hotfix/error.h"

/*
 * *resolved becomes the absolute path without symbolic links, malloc'ed; all directories above it are in safe hands,
 * while what it names was not looked at. This code where one on the way is not; HOTFIX_IO, or this code if it is not
 * HOTFIX_TRUST, where the path leads nowhere; HOTFIX_MEMORY. what begins the message ("trust store").
 */
int hf_safe_path(const char *what, const char *path, enum hotfix_code code, char **resolved, struct hotfix_error *err);

#endif
