/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pointers to functions. Where the address of a function was taken, by code or in data, the running program may hold it
 * anywhere by now: on the heap, registered with a library, in another process's shared memory. Such pointers go on to
 * the old function, and who calls through them is not known.
 */
#ifndef HF_POINTER_H
#define HF_POINTER_H

#include "reference/work.h"

/* Addresses from begin to end, which is not part of them. */
struct hf_span {
    uint64_t begin;
    uint64_t end;
};

/*
 * What takes or holds the address of a function of an old object, for messages: *holder is the title of a part of that
 * object, or the name of a symbol of the target. NULL when nothing does, as far as relocations of its object and all
 * code and data of the target tell; bytes of the target that only look like the address count, but where chance.h knows
 * better. Not counted are tables of constants that were taken apart, when nothing that was read from one outlives its
 * users. HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_pointer_holder(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before,
                      const char **holder, struct hotfix_error *err);

/*
 * Does data of the target hold this address, or the dynamic linker put it there? *place is where then; places in one of
 * the passed spans are passed over. Bytes that only look like it count. calls: what the dynamic linker fills in for
 * calls alone counts, too.
 */
bool hf_pointer_in_data(const struct hf_target *target, uint64_t address, bool calls, const struct hf_span *passed,
                        size_t passed_count, uint64_t *place);

/*
 * Refuses functions of the old objects that the new ones do not have any more, while pointers to them may live on:
 * HOTFIX_INCOMPATIBLE. What another new object defines under the same global name is not gone.
 */
int hf_pointers_check(struct hf_work *work, struct hotfix_error *err);

#endif
