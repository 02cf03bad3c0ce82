/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions and variables whose names hold a number that the compiler gave: lambdas ({lambda(int)#2}), types without a
 * name, static variables of one name in several blocks of a function. A number says which one of its scope it is, so
 * that one more in front of others gives each the name of another one. Callbacks that are registered, and what such
 * variables hold, must not become another's.
 */
#ifndef HF_CLOSURES_H
#define HF_CLOSURES_H

#include "object/object.h"

/*
 * May those of one number be taken for the same thing? 0; HOTFIX_UNPROVEN naming the scope where they may not,
 * HOTFIX_MEMORY. For correlated objects.
 */
int hf_closures_check(const struct hf_object *before, const struct hf_object *after, struct hotfix_error *err);

#endif
