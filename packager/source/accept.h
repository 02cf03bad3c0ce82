/* SPDX-License-Identifier: Apache-2.0 */
/* What of a patch somebody must have looked at before a build runs it. */
#ifndef HF_ACCEPT_H
#define HF_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "hotfix/error.h"

/* Patterns (fnmatch(3)) of files that are no sources and may change. */
struct hf_accepted {
    const char **patterns; /* owned by whoever filled them in */
    size_t count;
};

/*
 * Reads what patch(1) said of all that it changed, in the C locale. A file that is no source of C, C++ or assembler by
 * its name, or becomes a symbolic link, must be accepted: makefiles, scripts and templates say what a build runs.
 * HOTFIX_UNPROVEN, naming them; HOTFIX_IO.
 */
int hf_accepted_check(const struct hf_accepted *accepted, const char *log, struct hotfix_error *err);

/* Whether a file is a source of C, C++ or assembler, or of a generator of them, by its name. */
bool hf_accepted_is_source(const char *name);

#endif
