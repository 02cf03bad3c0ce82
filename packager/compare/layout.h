/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts and numbers that differ between old and new objects, from their debug information. */
#ifndef HF_LAYOUT_H
#define HF_LAYOUT_H

#include "object/object.h"

/*
 * Compares every structure and union that both objects define at file scope under one name, the types of variables with
 * an address as far as their parts have no name or belong to one function, and the numbers of enumerators, named
 * enumeration or not. 0 when all are equal, or one object has no debug information; HOTFIX_INCOMPATIBLE naming what
 * differs; HOTFIX_FORMAT when the debug information is damaged; HOTFIX_MEMORY. What the program made already has the
 * old layout and the old numbers, on its heap too, so what a patch does with the new ones is never right for it.
 */
int hf_layouts_check(const struct hf_object *before, const struct hf_object *after, struct hotfix_error *err);

#endif
