/* SPDX-License-Identifier: Apache-2.0 */
/* Is a variable used as another one was? */
#ifndef HF_USES_H
#define HF_USES_H

#include "object/object.h"

/*
 * Is each straight run of instructions (without jump, call or return) that refers to the new variable the same as one
 * that referred to the old variable, in the same order? The runs must be in a function that is the old function's twin,
 * or in the only functions that use the two variables. False also for code that cannot be decoded, and if data refers
 * to one of the variables.
 */
bool hf_uses_same(const struct hf_name *before, const struct hf_name *after);

/* Do both have the same initial value, and is it not 0? */
bool hf_uses_begin_alike(const struct hf_name *before, const struct hf_name *after);

#endif
