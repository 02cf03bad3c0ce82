/* SPDX-License-Identifier: Apache-2.0 */
/* Static variables that a function takes along when it moves to another file: they keep their state. */
#ifndef HF_CARRIED_H
#define HF_CARRIED_H

#include "reference/work.h"

/*
 * Pairs a static variable that is new in one file with one that is gone from another file, if a function that moved
 * between these files (moved.h) refers to the old variable on the old side and to the new variable on the new side. May
 * run again after objects were exchanged. HOTFIX_UNPROVEN naming a variable for which this cannot be decided.
 */
int hf_carried_match(struct hf_work *work, struct hotfix_error *err);

#endif
