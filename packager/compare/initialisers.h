/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code that runs before main() and sets variables whose initial values are computed: _GLOBAL__sub_I_NAME, where NAME is
 * the first name of the source, and functions that it calls for this. It has already run in the target, and does not
 * run for a patch.
 */
#ifndef HF_INITIALISERS_H
#define HF_INITIALISERS_H

#include "object/object.h"

/* Pairs the functions at the same places of the constructor tables: their names have no meaning. */
void hf_initialisers_pair(struct hf_object *before, struct hf_object *after);

/* Does a function run before main() or at exit, directly or called by such a function? */
bool hf_initialisers_have(const struct hf_object *object, const struct hf_part *function);

/* 0 when they did not change; HOTFIX_INCOMPATIBLE naming the variable that a changed one would set. */
int hf_initialisers_check(const struct hf_object *before, const struct hf_object *after, struct hotfix_error *err);

#endif
