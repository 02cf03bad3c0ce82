/* SPDX-License-Identifier: Apache-2.0 */
/* One task in one process: apply a bundle, revert one, or check whether one could be applied. */
#ifndef HF_ERRAND_H
#define HF_ERRAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bundle.h"
#include "hotfix/error.h"
#include "inside/protocol.h"
#include "process/image.h"
#include "process/target.h"
#include "trustfile.h"

/* A bundle and a trust store, read and verified here first: a refused bundle touches no process. */
struct hf_cargo {
    const char *path;
    uint8_t *bytes;
    size_t size;
    const char *trust_path;
    struct hf_trust_files files;
    struct hf_bundle bundle;
    char signers[HF_AGENT_SIGNERS_SIZE]; /* names of the keys that counted, separated by ", " */
};

/*
 * HOTFIX_TRUST, HOTFIX_SIGNATURE, HOTFIX_IO and all other codes of verification. Call hf_cargo_deinit() even after a
 * failure.
 */
int hf_cargo_read(const char *path, const char *trust_path, struct hf_cargo *cargo, struct hotfix_error *err);
/* A zeroed one is fine. */
void hf_cargo_deinit(struct hf_cargo *cargo);

struct hf_errand {
    const struct hf_cargo *cargo; /* to apply; NULL: to revert */
    const char *id;               /* to revert */
    uint64_t deadline_ns;         /* for finding a thread at a safe point */
    uint64_t stop_ns;             /* to stop the threads, as in struct hotfix_apply_options; 0: the library's own */
    bool dry_run;                 /* apply: only look whether it could be; the process is touched by holding a thread */
};

/* What came of it. */
struct hf_answer {
    struct hf_agent_request said; /* by the library; all zero after a dry run */
    uint64_t held_ns;             /* how long the thread was held, including the time that it waited for others */
};

/*
 * Does it. 0: answer says what was done. The codes of hotfix.h, and those of
 * hf_target_open(), hf_judge() and hf_visit_open(): then nothing was changed, unless the message says so.
 */
int hf_errand_run(const struct hf_errand *errand, pid_t pid, struct hf_answer *answer, struct hotfix_error *err);

#endif
