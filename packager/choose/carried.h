/* SPDX-License-Identifier: Apache-2.0 */
/* Static variables that a function takes along when it moves to another file: their state goes on. */
#ifndef HF_CARRIED_H
#define HF_CARRIED_H

#include "reference/work.h"

/*
 * Makes each static variable that is new in one file and gone from another the twin of what it was, where a function
 * that moved between these files (moved.h) refers to the one on the old side and to the other on the new side. May run
 * again after objects were exchanged. HOTFIX_UNPROVEN naming a variable of which that cannot be told.
 */
int hf_carried_match(struct hf_work *work, struct hotfix_error *err);

#endif
