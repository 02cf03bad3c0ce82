/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of coroutines. A suspended coroutine has a frame with the layout of the code that made it, and pointers to
 * that code: the functions that resume and destroy it. So a body that changed is a new function, which the new maker
 * puts into new frames, and those that exist finish in the code that they began in.
 */
#ifndef HF_COROUTINES_H
#define HF_COROUTINES_H

#include "object/object.h"

/* Is it a function that resumes or destroys a coroutine, its cold half included? */
bool hf_coroutine_body(const struct hf_part *part);

/* Takes bodies that changed from the old ones that they were paired with: all functions of a coroutine, or none. */
void hf_coroutines_part(struct hf_object *before, struct hf_object *after);

#endif
