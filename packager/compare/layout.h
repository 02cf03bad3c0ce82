/* SPDX-License-Identifier: Apache-2.0 */
/* Structures whose layout differs between old and new objects, from their debug information. */
#ifndef HF_LAYOUT_H
#define HF_LAYOUT_H

#include "object/object.h"

/*
 * Compares every structure, union and enumeration size that both objects define at file scope under one name. 0 when
 * all are equal, or one object has no debug information; HOTFIX_INCOMPATIBLE naming structure and member; HOTFIX_FORMAT
 * when the debug information is damaged; HOTFIX_MEMORY. Objects of a structure that the program made already have the
 * old layout, on its heap too, so what a patch does with the new one is never right for them.
 */
int hf_layouts_check(const struct hf_object *before, const struct hf_object *after, struct hotfix_error *err);

#endif
