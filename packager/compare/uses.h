/* SPDX-License-Identifier: Apache-2.0 */
/* Is a variable used as another one was? */
#ifndef HF_USES_H
#define HF_USES_H

#include "object/scope.h"

/*
 * Is each straight run of instructions (without jump, call or return) that refers to the new variable the same as one
 * that referred to the old variable, in the same order? The runs must be in a function that is the old function's twin,
 * or in the only functions that use the two variables. False also for code that cannot be decoded, and if data refers
 * to one of the variables.
 */
bool hf_uses_same(const struct hf_name *before, const struct hf_name *after);

/*
 * As hf_uses_same(), in functions that are twins, for runs that nothing jumps into, as far as the last instruction that
 * refers to the variable. They may have another order, and one may have come or gone that is the same as another one:
 * compilers copy code and move it.
 */
bool hf_uses_alike(const struct hf_name *before, const struct hf_name *after);

/*
 * Is each used by one function only, under the same conditions? The function is the same on both sides from its begin
 * to the last use, and nothing behind leads back; or the uses are the same, and so are all instructions of the function
 * that conditions consist of; or the function computes with nothing else, without a branch, and the initial values are
 * the same and not 0.
 */
bool hf_uses_reached_alike(const struct hf_name *before, const struct hf_name *after);

/*
 * Appends the runs, that nothing jumps into, that refer to a variable to *runs, with this block. -1 without memory.
 * Code that cannot be decoded has no runs.
 */
int hf_uses_runs(const struct hf_name *variable, uint64_t block, struct hf_scope_code **runs, size_t *count);

/* Do both have the same initial value, and is it not 0? */
bool hf_uses_begin_alike(const struct hf_name *before, const struct hf_name *after);

#endif
