/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of which an object has code, by its debug information: separate code, and copies inlined elsewhere. */
#ifndef HF_INLINED_H
#define HF_INLINED_H

#include "object/object.h"

struct hf_inlined_item {
    const struct hf_part *part; /* where the code is; for a copy, the function into which it was inlined */
    char *function;             /* linkage name, else the name in the source */
    bool copy;
};

/* Ordered by function, those with code of their own first. */
struct hf_inlined {
    struct hf_inlined_item *items;
    size_t count;
};

/*
 * Reads the debug information of an object; without debug information nothing is found. Functions of the system's
 * headers (below /usr) are left out: no fix of the target changes them. HOTFIX_FORMAT when it is damaged,
 * HOTFIX_MEMORY.
 */
int hf_inlined_read(const struct hf_object *object, struct hf_inlined *inlined, struct hotfix_error *err);
void hf_inlined_deinit(struct hf_inlined *inlined);

/* The first of the items of a function; inlined->count when there is none. */
size_t hf_inlined_find(const struct hf_inlined *inlined, const char *function);

#define HF_INLINED __attribute__((cleanup(hf_inlined_deinit)))

#endif
