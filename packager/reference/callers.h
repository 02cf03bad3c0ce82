/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which code and data refer to a function of the target, found in the target itself, so that objects that were not
 * given count, too. All its code is searched for direct calls, jumps and addresses, all its data for pointers. Bytes
 * that only look like a reference count, unless chance.h proves otherwise: so a wrong answer is always yes.
 */
#ifndef HF_CALLERS_H
#define HF_CALLERS_H

#include "reference/work.h"

/*
 * Does any code or data that is not replaced refer to this function of an old object? A library's exports count as
 * referred to.
 */
bool hf_callers_stay(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before);

/*
 * Changed functions that cannot be diverted, for example because they are too short for a detour: their callers are
 * replaced instead, and the new function goes into the patch with them. Functions to which anything else refers stay,
 * and are refused when the patch is packed. HOTFIX_INCOMPATIBLE.
 */
int hf_callers_replace(struct hf_work *work, struct hotfix_error *err);

#endif
