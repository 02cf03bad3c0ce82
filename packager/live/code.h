/* SPDX-License-Identifier: Apache-2.0 */
/* The code of a picked function in a running process, compared with its file or a bundle. */
#ifndef HF_LIVE_CODE_H
#define HF_LIVE_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/check.h"
#include "hotfix/error.h"
#include "live/live.h"

struct hf_live_function {
    bool same;      /* nothing was changed */
    bool diverted;  /* there is a new jump where a detour would be */
    uint64_t to;    /* where that leads */
    bool known;     /* the following two are set: a file was there to compare with */
    size_t differs; /* offset of the first byte that is another, beside a detour; the function's size for none */
    uint8_t byte;   /* what is there */
};

/* The build that the subject is about: the target's or the bundle's. */
const struct hf_build_id *hf_live_target_id(const struct hf_check_subject *subject);

/* The one module of that build. When there is none, or more than one: NULL, and an unproven finding says so. */
const struct hf_live_module *hf_live_target(const struct hf_check_subject *subject, struct hf_findings *findings);

/* Reads and compares the old function of a pair. HOTFIX_IO, HOTFIX_MEMORY. */
int hf_live_function_read(const struct hf_check_subject *subject, const struct hf_live_module *module, size_t pair,
                          struct hf_live_function *function, struct hotfix_error *err);

#endif
