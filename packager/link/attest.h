/* SPDX-License-Identifier: Apache-2.0 */
/* Records what the old-object proof showed for the functions that a patch replaces. */
#ifndef HF_ATTEST_H
#define HF_ATTEST_H

#include "patch/proven.h"
#include "reference/work.h"

/* Collects the replaced functions that were proved. HOTFIX_MEMORY. */
int hf_attest(struct hf_work *work, struct hf_proven *proven, struct hotfix_error *err);

#endif
