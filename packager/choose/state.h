/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State that is in the source but not in the code. First, a variable that the release's compiler left out, since
 * nothing read it, and that the fix reads. Second, a variable that the new compiler left out, since nothing writes to
 * it any more: the new code uses its initial value instead of the target's current value. Third, a variable that
 * replaces another one and starts with its initial value.
 */
#ifndef HF_STATE_H
#define HF_STATE_H

#include "reference/work.h"

/*
 * Checks new variables of the patch and removed ones of the old objects. HOTFIX_UNPROVEN naming the variable;
 * HOTFIX_FORMAT when debug information is damaged; HOTFIX_MEMORY.
 */
int hf_state_check(struct hf_work *work, struct hotfix_error *err);

#endif
