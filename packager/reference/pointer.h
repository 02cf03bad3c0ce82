/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pointers to functions. If code or data takes the address of a function, the running program may have stored it
 * anywhere: on the heap, in a library, in memory shared with another process. Such pointers still lead to the old
 * function, and the callers through them are not known.
 */
#ifndef HF_POINTER_H
#define HF_POINTER_H

#include "reference/work.h"

/* Addresses from begin up to, but not including, end. */
struct hf_span {
    uint64_t begin;
    uint64_t end;
};

/*
 * Finds what takes or holds the address of a function of an old object, for messages: *holder is the title of a part of
 * that object, or the name of a symbol of the target. NULL when nothing does, according to relocations of its object
 * and all code and data of the target. Bytes of the target that only look like the address count, unless chance.h
 * proves otherwise. Tables of constants that were separated from their twins do not count if no value read from them
 * outlives their users. HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_pointer_holder(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before,
                      const char **holder, struct hotfix_error *err);

/*
 * Does data of the target contain this address, or does the dynamic linker write it there? *place is then the place;
 * places in `passed` spans are ignored. Bytes that only look like the address count. calls: slots that the dynamic
 * linker fills only for calls count, too.
 */
bool hf_pointer_in_data(const struct hf_target *target, uint64_t address, bool calls, const struct hf_span *passed,
                        size_t passed_count, uint64_t *place);

/*
 * Refuses, with HOTFIX_INCOMPATIBLE, functions that the new objects do not have any more although pointers to them may
 * still exist. A function that another new object defines under the same global name is not removed.
 */
int hf_pointers_check(struct hf_work *work, struct hotfix_error *err);

#endif
