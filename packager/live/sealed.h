/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle as the subject of checks against a process: its functions, without target and patch. */
#ifndef HF_SEALED_H
#define HF_SEALED_H

#include "bundle.h"
#include "check/check.h"
#include "hotfix/error.h"

struct hf_sealed {
    struct hf_bundle bundle;
    struct hf_function *functions; /* as its manifest names them */
    struct hf_pair *pairs;
};

/*
 * Reads a bundle without verifying it, as `hotfix show` does. The subject points into it. HOTFIX_IO, HOTFIX_FORMAT,
 * HOTFIX_MEMORY; on failure hf_sealed_close() is still due.
 */
int hf_sealed_open(const char *path, struct hf_sealed *bundle, struct hf_check_subject *subject,
                   struct hotfix_error *err);
/* A zeroed one is fine. */
void hf_sealed_close(struct hf_sealed *bundle);

#endif
