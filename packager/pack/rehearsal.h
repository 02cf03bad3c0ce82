/* SPDX-License-Identifier: Apache-2.0 */
/* Packing without a bundle: what of a patch that passed the checks cannot become one is told before anybody packs. */
#ifndef HF_REHEARSAL_H
#define HF_REHEARSAL_H

#include "check/check.h"
#include "hotfix/error.h"

/*
 * Makes a bundle of the patch file in memory, unsigned and under a name that stands for any, reads it back as
 * `hotfix pack` does, and throws it away. What hf_compose() and hf_seal() refuse.
 */
int hf_rehearse(const struct hf_check_subject *subject, const struct hf_check_result *results, const char *patch_path,
                struct hotfix_error *err);

#endif
