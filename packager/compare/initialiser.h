/* SPDX-License-Identifier: Apache-2.0 */
/* The code in a function that initialises a guarded variable (guarded.h), and whether two such pieces are the same. */
#ifndef HF_INITIALISER_H
#define HF_INITIALISER_H

#include "leak.h"
#include "object/object.h"

/* One place in the function where the variable is initialised. */
struct hf_initialiser_place {
    size_t begin; /* step behind which it begins: the call that acquires the guard, or the branch on it */
    size_t first; /* the step that it begins with */
    size_t stop;  /* where code goes on that finds the variable initialised; HF_INITIALISER_NONE: behind the release */
    bool *inside; /* by step; owned */
};

#define HF_INITIALISER_NONE SIZE_MAX

struct hf_initialiser {
    const struct hf_part *function;
    const struct hf_part *guard;
    struct hf_steps steps;
    size_t *first_origin; /* by step: where the steps that lead to it begin in `origins`; one more marks the end */
    size_t *origins;
    bool *padding;  /* by step: nothing leads to it */
    uint32_t frame; /* the register that is this function's frame pointer; 0 without */
    struct hf_initialiser_place *places;
    size_t place_count;
    bool known; /* the places are all that there are */
};

/* Finds the places. HOTFIX_MEMORY. */
int hf_initialiser_open(const struct hf_part *function, const struct hf_part *guard,
                        struct hf_initialiser **initialiser, struct hotfix_error *err);
void hf_initialiser_close(struct hf_initialiser *initialiser);

/* Is the code at a place of the old function proven to be the same as at a place of the new one? */
bool hf_initialiser_same(const struct hf_initialiser *before, size_t old, const struct hf_initialiser *after,
                         size_t new);

static inline void hf_cleanup_initialiser(struct hf_initialiser **initialiser)
{
    hf_initialiser_close(*initialiser);
}
#define HF_INITIALISER __attribute__((cleanup(hf_cleanup_initialiser)))

#endif
