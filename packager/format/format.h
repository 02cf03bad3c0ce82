/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formats in which `hotfix check` reports: for people, and for what CI systems read. A format reads results and
 * writes a document; it examines nothing itself, so a new one is one more file and one line in the table.
 *
 * Every format is written on failure, too: a document that says what went wrong. Foreign bytes (names out of files) are
 * escaped as the format wants it, and shown as \xNN where no format has a way to carry them or a runner could obey
 * them.
 */
#ifndef HF_FORMAT_H
#define HF_FORMAT_H

#include <stdio.h>

#include "check/check.h"
#include "hotfix/error.h"

/* The outcome of a run. */
struct hf_outcome {
    const struct hf_check_result *results; /* as of hf_checks_run(); NULL: it did not come so far */
    size_t function_count;
    const struct hotfix_error *failure; /* why the exit status is not 0; NULL when it is */
    int status;                         /* the exit status */
    const char *patch_path;             /* of the patch or bundle; NULL when it was not given */
};

struct hf_format {
    const char *name;
    /* 0, or -1 when out of memory. That the stream could not be written is for its owner to find. */
    int (*write)(const struct hf_outcome *outcome, FILE *out);
};

/* NULL when there is none of this name. JSON is not among them: it is the report's own (report.h). */
const struct hf_format *hf_format_find(const char *name);

/* "compatible: 21 checks of 1 functions: ...". malloc'ed; NULL when out of memory. */
char *hf_format_answer(const struct hf_outcome *outcome);

/* "EVIDENCE; ADVICE" of a finding that refuses, its evidence alone otherwise. malloc'ed; NULL when out of memory. */
char *hf_format_message(const struct hf_finding *finding);

/* Where a finding's source is for whoever has the tree: the part of a path below GITHUB_WORKSPACE or the working
 * directory, else all of it. */
const char *hf_format_path(const char *path);

extern const struct hf_format hf_format_text;
extern const struct hf_format hf_format_sarif;
extern const struct hf_format hf_format_junit;
extern const struct hf_format hf_format_github;

#endif
