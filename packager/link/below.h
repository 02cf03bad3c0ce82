/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles on top of which the patch may be applied (hotfix build --on). The new objects contain their fixes and another
 * one, so the patch is complete without them; it replaces all functions that they replace. So no call reaches code of
 * these bundles, which was compiled for the release and could then call the new code.
 */
#ifndef HF_BELOW_H
#define HF_BELOW_H

#include "reference/work.h"

/*
 * Reads the requested bundles into work->below. Only their ids and the places of their functions are used.
 * HOTFIX_INCOMPATIBLE naming one that is for another build of the target; HOTFIX_IO, HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_below_open(struct hf_work *work, struct hotfix_error *err);
void hf_below_close(struct hf_work *work);

/*
 * Do the new objects replace all functions that these bundles replace? Call it after it was decided what changed.
 * HOTFIX_INCOMPATIBLE naming a function that is unchanged from the release; HOTFIX_MEMORY.
 */
int hf_below_check(struct hf_work *work, struct hotfix_error *err);

/* The ids of these bundles and of those that they were built on, which the caller frees. HOTFIX_USAGE, HOTFIX_MEMORY.
 */
int hf_below_ids(const struct hf_work *work, struct hf_id_list *ids, struct hotfix_error *err);

#endif
