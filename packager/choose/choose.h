/* SPDX-License-Identifier: Apache-2.0 */
/* Which parts of the new objects go into the patch, and what is refused. */
#ifndef HF_CHOOSE_H
#define HF_CHOOSE_H

#include "reference/work.h"

/* Does anything differ between correlated objects that a patch would have to bring or be refused for? */
bool hf_objects_differ(const struct hf_object *before, const struct hf_object *after);

/*
 * Marks the changed functions of all pairings, then everything that they need and the target does not have. Notes what
 * is found. HOTFIX_INCOMPATIBLE naming the object and the reason for what cannot be patched.
 */
int hf_choose(struct hf_work *work, struct hotfix_error *err);

#endif
