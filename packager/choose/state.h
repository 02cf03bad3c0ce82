/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State that is in the source and not in the code: a variable that the release's compiler left out, since nothing read
 * it, and that the fix reads; one that the new compiler left out, since nothing writes to it any more, so that the code
 * has its initial value in the place of what the target holds; one that takes the place of another and begins anew.
 */
#ifndef HF_STATE_H
#define HF_STATE_H

#include "reference/work.h"

/*
 * Looks at what is new in the patch and at what is gone from the old objects. HOTFIX_UNPROVEN naming the variable;
 * HOTFIX_FORMAT when debug information is damaged; HOTFIX_MEMORY.
 */
int hf_state_check(struct hf_work *work, struct hotfix_error *err);

#endif
