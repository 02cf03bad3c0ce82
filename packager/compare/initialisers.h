/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code that runs before main() and sets variables whose initial values are computed: _GLOBAL__sub_I_NAME, where NAME is
 * whatever comes first in the source, and the functions that it leaves its work to. It has run in the target, and does
 * not run for a patch.
 */
#ifndef HF_INITIALISERS_H
#define HF_INITIALISERS_H

#include "object/object.h"

/* Pairs the functions that tables of constructors name at the same place: what they are called means nothing. */
void hf_initialisers_pair(struct hf_object *before, struct hf_object *after);

/* Does a function run before main() or at exit, by itself or for another one that does? */
bool hf_initialisers_have(const struct hf_object *object, const struct hf_part *function);

/* 0 when they are what they were; HOTFIX_INCOMPATIBLE naming the variable that another one would set. */
int hf_initialisers_check(const struct hf_object *before, const struct hf_object *after, struct hotfix_error *err);

#endif
