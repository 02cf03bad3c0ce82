/* SPDX-License-Identifier: Apache-2.0 */
/* Writes down what the old-object proof showed of the functions that a patch replaces. */
#ifndef HF_ATTEST_H
#define HF_ATTEST_H

#include "patch/proven.h"
#include "reference/work.h"

/* Collects the replaced functions that were proved. HOTFIX_MEMORY. */
int hf_attest(struct hf_work *work, struct hf_proven *proven, struct hotfix_error *err);

#endif
