/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings about changed functions that a running program may never leave (stay.h). */
#ifndef HF_WARN_H
#define HF_WARN_H

#include "reference/work.h"

/* Adds them to the report (HF_BUILD_WARNING). HOTFIX_MEMORY. */
int hf_warn(struct hf_work *work, struct hotfix_error *err);

#endif
