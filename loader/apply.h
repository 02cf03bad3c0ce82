/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An apply, phase by phase: open and verify, check, stage, stop, switch, resume, report; and a revert. Both with the
 * lock (lock.h) held.
 */
#ifndef HF_APPLY_H
#define HF_APPLY_H

#include "hotfix.h"
#include "result.h"
#include "trust.h"

/* Where the bundle is: a file, or (path NULL) bytes in memory. */
struct hf_input {
    const char *path;
    const void *bytes;
    size_t size;
};

/* The options have a patcher. */
int hf_apply(const struct hf_input *input, const struct hf_trust *trust, const struct hotfix_apply_options *options,
             struct hf_report *report);

/* id as in hotfix_revert(). */
int hf_revert(const char *id, const struct hotfix_apply_options *options, struct hf_report *report);

#endif
