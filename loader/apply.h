/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An apply, phase by phase: open and verify, check, stage, stop, switch, resume, report; and a revert. Both with the
 * lock (lock.h) held.
 */
#ifndef HF_APPLY_H
#define HF_APPLY_H

#include "applied/result.h"
#include "bundle.h"
#include "hotfix.h"
#include "trust.h"

/* Where the bundle is: bytes in memory, or (bytes NULL) a file. With bytes, the path (or NULL) is only for messages. */
struct hf_input {
    const char *path;
    const void *bytes;
    size_t size;
    bool ours; /* the bytes are this library's own: nobody else can write them while they are verified and used */
};

/* The settings of a handle that hold for every apply. */
struct hf_setup {
    struct hf_trust trust;
    char *staging; /* as hf_patchfile_directory() gives it; NULL: memfds */
    char *state;   /* as hf_ratchet_path() gives it; NULL: sequence numbers are ignored */
};

/*
 * Verifies the bundle's signatures, form and freshness, and puts its name and signers into the report. bundle is empty
 * (all zeros) at first; free it with hf_bundle_deinit() even after a failure.
 */
int hf_input_open(const struct hf_input *input, const struct hf_setup *setup, struct hf_report *report,
                  struct hf_bundle *bundle, struct hf_signers *signers);

/* The options have a patcher. */
int hf_apply(const struct hf_input *input, const struct hf_setup *setup, const struct hotfix_apply_options *options,
             struct hf_report *report);

/* id as in hotfix_revert(). */
int hf_revert(const char *id, const struct hotfix_apply_options *options, struct hf_report *report);

#endif
