/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of coroutines. The frame of a suspended coroutine has the layout of the code that made it, and pointers to
 * that code: the functions that resume and destroy it. So a changed body is a new function, which the new creating
 * function stores in new frames; existing frames finish in the code in which they began.
 */
#ifndef HF_COROUTINES_H
#define HF_COROUTINES_H

#include "object/object.h"

/* Is it a function, or the cold half of one, that resumes or destroys a coroutine? */
bool hf_coroutine_body(const struct hf_part *part);

/* Separates changed bodies from the old ones with which they were paired: all functions of a coroutine, or none. */
void hf_coroutines_part(struct hf_object *before, struct hf_object *after);

#endif
