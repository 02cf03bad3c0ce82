/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls a picked function directly, and may have been compiled for it (program/facts.h). */
#ifndef HF_CHECK_CALLERS_H
#define HF_CHECK_CALLERS_H

#include "check/check.h"

/*
 * Does this function of the target call or jump to that one, from the same translation unit as far as is known, so that
 * the compiler may have used what it knew of it? A function that calls itself counts. HOTFIX_MEMORY.
 */
int hf_callers_fitted(const struct hf_check_subject *subject, const struct hf_function *caller,
                      const struct hf_function *callee, bool *fitted, struct hotfix_error *err);

#endif
