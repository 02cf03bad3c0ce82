/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of the target, and what replaces them. */
#ifndef HF_REPLACEMENT_H
#define HF_REPLACEMENT_H

#include "reference/work.h"

/* A function of the target, and the part of a new object that replaces it. */
struct hf_replacement {
    const struct hf_pairing *pairing;
    const struct hf_part *before;
    struct hf_part *after;
};

/* Calls fn for each function that is replaced. Ends at the first result other than 0, and returns it. */
int hf_each_replacement(const struct hf_work *work, int (*fn)(const struct hf_replacement *replacement, void *arg),
                        void *arg);

/* The part that stands for the group of functions that belong together. */
struct hf_part *hf_part_leader(struct hf_part *part);

#endif
