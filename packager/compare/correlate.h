/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matches the parts of the old object with those of the new one. Sets hf_part.twin on both sides.
 *
 * Functions and variables are matched by name; names that compilers number are matched by identity (numbered.h).
 * Anonymous parts have no twin: they are compared by content.
 */
#ifndef HF_CORRELATE_H
#define HF_CORRELATE_H

#include "object/object.h"

/* HOTFIX_UNPROVEN naming the static local that cannot be matched, HOTFIX_MEMORY. */
int hf_correlate(struct hf_object *before, struct hf_object *after, struct hotfix_error *err);

#endif
