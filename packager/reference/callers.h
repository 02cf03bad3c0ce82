/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who refers to a function of the target, to judge by the target itself: objects that were not given count too. All its
 * code is searched for direct calls, jumps and addresses, all its data for pointers. Bytes that only look like one
 * count, but where chance.h knows better: so the answer errs towards yes.
 */
#ifndef HF_CALLERS_H
#define HF_CALLERS_H

#include "reference/work.h"

/* Does anything that stays as it is refer to this function of an old object? A library's exports are referred to. */
bool hf_callers_stay(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before);

/*
 * Changed functions that cannot be diverted, as those too short for a detour: their callers are replaced in their
 * place, and take the new one along. Those that something else refers to stay, and are refused when the patch is
 * packed. HOTFIX_INCOMPATIBLE.
 */
int hf_callers_replace(struct hf_work *work, struct hotfix_error *err);

#endif
