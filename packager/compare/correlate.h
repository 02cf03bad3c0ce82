/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which part of the old object is which part of the new one. Sets hf_part.twin on both sides.
 *
 * Functions and variables go by their names, those that compilers number by what they are (numbered.h). Anonymous parts
 * have no twin: they are compared by content.
 */
#ifndef HF_CORRELATE_H
#define HF_CORRELATE_H

#include "object/object.h"

/* HOTFIX_UNPROVEN naming the static local that cannot be told apart, HOTFIX_MEMORY. */
int hf_correlate(struct hf_object *before, struct hf_object *after, struct hotfix_error *err);

#endif
