/* SPDX-License-Identifier: Apache-2.0 */
/* Can the functions of the target that a patch replaces be diverted at their entries? */
#ifndef HF_LINK_ENTRY_H
#define HF_LINK_ENTRY_H

#include "reference/work.h"

/*
 * HOTFIX_INCOMPATIBLE for a replaced function that is too short for a detour, or that jumps back into the detour's
 * bytes.
 */
int hf_entries_check(struct hf_work *work, struct hotfix_error *err);

#endif
