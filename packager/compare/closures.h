/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions and variables whose names contain a number that the compiler gave: lambdas ({lambda(int)#2}), types without
 * a name, static variables of one name in several blocks of a function. The number is the position in the scope, so
 * inserting one gives all later ones the name of another one. A registered callback must not become another lambda, and
 * the value of such a variable must not become that of another variable.
 */
#ifndef HF_CLOSURES_H
#define HF_CLOSURES_H

#include "object/object.h"

/*
 * Are items with equal numbers the same thing? 0; HOTFIX_UNPROVEN naming the scope in which this is not proven;
 * HOTFIX_MEMORY. For correlated objects.
 */
int hf_closures_check(const struct hf_object *before, const struct hf_object *after, struct hotfix_error *err);

#endif
