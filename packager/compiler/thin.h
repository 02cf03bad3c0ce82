/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thin archives, which libelf does not read: GNU ar's `T` modifier makes them (ar(1)), and meson by default. They hold
 * the names of their members where an ordinary archive (ar.h, System V's with GNU's table of long names) holds the
 * members.
 */
#ifndef HF_THIN_H
#define HF_THIN_H

#include <stdbool.h>
#include <stddef.h>

#include "hotfix/error.h"

/* A member's path; not 0 stops and is what hf_thin_each() returns. */
typedef int (*hf_thin_visit)(const char *path, void *arg, struct hotfix_error *err);

/* Whether an open file begins as a thin archive does; its position stays. */
bool hf_thin_is(int fd);

/*
 * Calls visit for each member in order, its path relative to where the archive's is relative to. A member of an archive
 * within counts as that archive. HOTFIX_FORMAT naming the archive when it is damaged; HOTFIX_MEMORY.
 */
int hf_thin_each(const char *archive, const void *bytes, size_t size, hf_thin_visit visit, void *arg,
                 struct hotfix_error *err);

#endif
