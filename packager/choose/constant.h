/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constants of one file whose value changed (static const). The target's copy stays as it is; the new one comes with
 * all functions that use it, which are few enough since no other file knows it. That is right only where nothing else
 * in the running program points to the old one.
 */
#ifndef HF_CONSTANT_H
#define HF_CONSTANT_H

#include "reference/work.h"

/*
 * Takes changed constants apart from their twins, so that whatever uses one differs. HOTFIX_UNPROVEN for one whose
 * address a function may leave in memory. Others, which the target's other files or its data may point to, are left to
 * those who compare data. One that `renumbered` (may be NULL) shows to differ by line numbers alone stays.
 */
int hf_constants_part(const struct hf_arch_tools *arch, struct hf_object *before, struct hf_object *after,
                      const struct hf_renumbered *renumbered, struct hotfix_error *err);

#endif
