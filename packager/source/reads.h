/* SPDX-License-Identifier: Apache-2.0 */
/* Which files the compiles of a program or library read, by the rules that their compilers wrote. */
#ifndef HF_READS_H
#define HF_READS_H

#include <stddef.h>
#include <time.h>

#include "compiler/journal.h"
#include "hotfix/error.h"
#include "source/changes.h"
#include "source/patched.h"

/*
 * Those of the files that patches touch that no compile read whose object goes into one of the outputs: *names is a
 * malloc'ed array of malloc'ed paths below the tree. HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_reads_missing(const struct hf_builds *builds, const struct hf_patched *patched, char ***names, size_t *count,
                     struct hotfix_error *err);

#define HF_SUSPECTS_MAX 8

/* Files of this machine that may make another program of the same sources. */
struct hf_suspects {
    char *files[HF_SUSPECTS_MAX]; /* malloc'ed */
    size_t count;
};

/*
 * Files outside of the tree that compiles read: one that holds `text`; where that is NULL those that changed after
 * `date`, one of a directory. What cannot be read is passed over.
 */
void hf_reads_suspects(const struct hf_journal *journal, const char *tree, const char *text,
                       const struct timespec *date, struct hf_suspects *suspects);
void hf_suspects_deinit(struct hf_suspects *suspects);

/*
 * Refuses a compile of the outputs that read a file below `original`, of which the builds' tree is a copy: what the
 * patch changes in the copy would be lost. HOTFIX_USAGE naming source and file; HOTFIX_IO.
 */
int hf_reads_inside(const struct hf_builds *builds, const char *original, struct hotfix_error *err);

#endif
