/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Global definitions that are new in a file while the target has their names already: they moved there from another
 * file, which is told by the other file having lost them, or they take another definition's place.
 */
#ifndef HF_MOVED_H
#define HF_MOVED_H

#include "reference/work.h"

/* Do two objects define different global names, or one of them weakly in one object alone? */
bool hf_definitions_differ(const struct hf_object *before, const struct hf_object *after);

/* Does the object of a file that is gone define what is new in another file? */
bool hf_moved_from(const struct hf_work *work, const struct hf_object *gone);

/*
 * Makes what moved the twin of what it was, and lets a variable that the target has from an object that was not given
 * be the target's (hf_work_adopted). May run again after objects were exchanged. HOTFIX_INCOMPATIBLE naming what is new
 * and what has its place in the target; HOTFIX_MEMORY.
 */
int hf_moved_match(struct hf_work *work, struct hotfix_error *err);

/* Takes an object that is to be closed off as anybody's twin. */
void hf_moved_forget(struct hf_work *work, const struct hf_object *after);

/* The layouts of types in the files that changed functions came from. As hf_layouts_check(). */
int hf_moved_layouts(const struct hf_object *before, const struct hf_object *after, struct hotfix_error *err);

#endif
