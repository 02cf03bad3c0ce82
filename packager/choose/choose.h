/* SPDX-License-Identifier: Apache-2.0 */
/* Decides which parts of the new objects go into the patch, and what is refused. */
#ifndef HF_CHOOSE_H
#define HF_CHOOSE_H

#include "reference/work.h"

/* Does anything differ between correlated objects that a patch must contain, or for which it must be refused? */
bool hf_objects_differ(const struct hf_object *before, const struct hf_object *after);

/*
 * Marks the changed functions of all pairings, then everything that they need and the target does not have. Records
 * what it finds for the report. HOTFIX_INCOMPATIBLE, with the object and the reason, for a change that cannot be
 * patched.
 */
int hf_choose(struct hf_work *work, struct hotfix_error *err);

#endif
