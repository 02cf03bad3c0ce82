/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory that stands first in PATH and holds, under the name of every compiler found behind it, a link to this
 * command: so that any build that finds its compiler by name runs `hotfix cc` without being told.
 */
#ifndef HF_SHIM_H
#define HF_SHIM_H

#include <stdbool.h>
#include <time.h>

#include "hotfix/error.h"

/* Environment: the shim directory, and the journal (see journal.h) that compilers are recorded in. */
#define HF_SHIM_DIRECTORY "HOTFIX_CC_SHIMS"
#define HF_SHIM_JOURNAL   "HOTFIX_CC_JOURNAL"

/* Fills an existing, empty directory. HOTFIX_IO; HOTFIX_USAGE when PATH holds no compiler. */
int hf_shim_create(const char *directory, struct hotfix_error *err);

/*
 * The environment for a build that is to be recorded: this process's with PATH, HOTFIX_CC_SHIMS and HOTFIX_CC_JOURNAL
 * set, make's own variables removed, ccache switched off, and, unless SOURCE_DATE_EPOCH says otherwise, `epoch` as the
 * time that compilers write into what they make. One malloc'ed block. NULL when out of memory.
 */
char **hf_shim_environment(const char *directory, const char *journal, time_t epoch);

/*
 * The option that has a compiler of C++, by its path, tell all classes that a unit knows in its debug information,
 * which it leaves out where it thinks that another unit tells them. NULL for other compilers.
 */
const char *hf_shim_classes(const char *compiler);

/* The option that has a compiler, by its path, record its flags in the debug information. NULL where it does anyway. */
const char *hf_shim_records(const char *compiler);

/* Whether this process was started as a compiler, through the shim directory of a build. */
bool hf_shim_is_called(const char *program);

/* 0 and *path (malloc'ed), the compiler of this name in PATH behind the shim directory; HOTFIX_USAGE when there is
 * none. */
int hf_shim_find(const char *name, char **path, struct hotfix_error *err);

#endif
