/* SPDX-License-Identifier: Apache-2.0 */
/* Which parts of the new objects go into the patch, and what is refused. */
#ifndef HF_CHOOSE_H
#define HF_CHOOSE_H

#include "link/work.h"

#define HF_HOOK_APPLY  "hotfix_on_apply"
#define HF_HOOK_REVERT "hotfix_on_revert"

/* Does anything differ between correlated objects that a patch would have to bring or be refused for? */
bool hf_objects_differ(const struct hf_object *before, const struct hf_object *after);

/*
 * Marks the changed functions of all pairings, then everything that they need and the target does not have. Notes what
 * is found. HOTFIX_INCOMPATIBLE naming the object and the reason for what cannot be patched.
 */
int hf_choose(struct hf_work *work, struct hotfix_error *err);

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
