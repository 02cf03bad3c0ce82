/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts and numbers that differ between old and new objects, from their debug information. */
#ifndef HF_LAYOUT_H
#define HF_LAYOUT_H

#include "object/object.h"

/*
 * Compares every structure and union that both objects define at file scope under one name; the types of variables with
 * an address, if parts of the type have no name or belong to one function; and the values of enumerators, also of
 * unnamed enumerations. 0 when all are equal, or one object has no debug information; HOTFIX_INCOMPATIBLE naming what
 * differs; HOTFIX_FORMAT when the debug information is damaged; HOTFIX_MEMORY. Objects that the program made already,
 * also on its heap, have the old layout and the old values, so code of a patch for the new ones would always be wrong
 * for them.
 */
int hf_layouts_check(const struct hf_object *before, const struct hf_object *after, struct hotfix_error *err);

#endif
