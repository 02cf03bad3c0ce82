/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory that is first in PATH and contains a link to this command under the name of every compiler in the rest of
 * PATH. So any build that finds its compiler by name runs `hotfix cc` without a change.
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
 * The option that makes a C++ compiler, given by path, describe all classes that a unit knows in its debug information;
 * it otherwise leaves out classes that it expects in another unit. NULL for other compilers.
 */
const char *hf_shim_classes(const char *compiler);

/*
 * The option that makes a compiler, given by path, record its flags in the debug information. NULL if it does so by
 * default.
 */
const char *hf_shim_records(const char *compiler);

/* Whether this process was started as a compiler, through the shim directory of a build. */
bool hf_shim_is_called(const char *program);

/* 0 and *path (malloc'ed), the compiler of this name in PATH behind the shim directory; HOTFIX_USAGE when there is
 * none. */
int hf_shim_find(const char *name, char **path, struct hotfix_error *err);

#endif
