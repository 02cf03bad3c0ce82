/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles that the patch is to lie over while they are applied (hotfix build --on). The new objects have their fixes
 * and another one, so that the patch is whole without them; it replaces all functions that they do. So no call arrives
 * at code of theirs that was compiled for the release and meets the new one.
 */
#ifndef HF_BELOW_H
#define HF_BELOW_H

#include "reference/work.h"

/*
 * Reads the bundles that are asked for into work->below. Nothing is trusted of them but ids and places of functions.
 * HOTFIX_INCOMPATIBLE naming one that is for another build of the target; HOTFIX_IO, HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_below_open(struct hf_work *work, struct hotfix_error *err);
void hf_below_close(struct hf_work *work);

/*
 * Do the new objects replace all that these bundles do? To be called when it is known what changed. HOTFIX_INCOMPATIBLE
 * naming a function that they have as the release has it; HOTFIX_MEMORY.
 */
int hf_below_check(struct hf_work *work, struct hotfix_error *err);

/* The ids of these bundles and of those that they were built on, which the caller frees. HOTFIX_USAGE, HOTFIX_MEMORY.
 */
int hf_below_ids(const struct hf_work *work, struct hf_id_list *ids, struct hotfix_error *err);

#endif
