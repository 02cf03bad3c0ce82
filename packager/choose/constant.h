/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File-local constants whose value changed (static const). The target's copy stays as it is; the new constant goes into
 * the patch with all functions that use it, which are all in this file. This is correct only if nothing else in the
 * running program points to the old constant.
 */
#ifndef HF_CONSTANT_H
#define HF_CONSTANT_H

#include "reference/work.h"

/*
 * Separates changed constants from their twins, so that every user of one differs. HOTFIX_UNPROVEN for a constant whose
 * address a function may leave in memory. Constants to which other files or data of the target may point stay paired:
 * the comparison of data decides about them. So does a constant that differs only in line numbers according to
 * `renumbered` (may be NULL).
 */
int hf_constants_part(const struct hf_arch_tools *arch, struct hf_object *before, struct hf_object *after,
                      const struct hf_renumbered *renumbered, struct hotfix_error *err);

#endif
