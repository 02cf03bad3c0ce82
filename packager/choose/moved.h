/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Global definitions that are new in a file although the target has their names already. Either they moved there from
 * another file, which has lost them, or they replace another definition.
 */
#ifndef HF_MOVED_H
#define HF_MOVED_H

#include "reference/work.h"

/* Do two objects define different global names, or one of them weakly in one object alone? */
bool hf_definitions_differ(const struct hf_object *before, const struct hf_object *after);

/* Does the object of a removed file define a name that is new in another file? */
bool hf_moved_from(const struct hf_work *work, const struct hf_object *gone);

/*
 * Pairs definitions that moved with their old ones, and binds a variable that the target has from an object that was
 * not given to the target's (hf_work_adopted). May run again after objects were exchanged. HOTFIX_INCOMPATIBLE naming
 * the new definition and the one that it would replace; HOTFIX_MEMORY.
 */
int hf_moved_match(struct hf_work *work, struct hotfix_error *err);

/* Removes an object that is to be closed from all pairs. */
void hf_moved_forget(struct hf_work *work, const struct hf_object *after);

/* The layouts of types in the files that changed functions came from. As hf_layouts_check(). */
int hf_moved_layouts(const struct hf_object *before, const struct hf_object *after, struct hotfix_error *err);

#endif
