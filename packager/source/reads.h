/* SPDX-License-Identifier: Apache-2.0 */
/* Which files the compiles of a program or library read, by the rules that their compilers wrote. */
#ifndef HF_READS_H
#define HF_READS_H

#include <stddef.h>

#include "hotfix/error.h"
#include "source/changes.h"
#include "source/patched.h"

/*
 * Those of the files that patches touch that no compile read whose object goes into one of the outputs: *names is a
 * malloc'ed array of malloc'ed paths below the tree. HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_reads_missing(const struct hf_builds *builds, const struct hf_patched *patched, char ***names, size_t *count,
                     struct hotfix_error *err);

/*
 * Refuses a compile of the outputs that read a file below `original`, of which the builds' tree is a copy: what the
 * patch changes in the copy would be lost. HOTFIX_USAGE naming source and file; HOTFIX_IO.
 */
int hf_reads_inside(const struct hf_builds *builds, const char *original, struct hotfix_error *err);

#endif
