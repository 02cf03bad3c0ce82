/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Veneers: code that takes a direct branch on to where it does not reach by itself (a CPU whose branches reach less far
 * than its references to data, and a patch that found no room nearer). They lie in pages of their own, in reach of
 * where they are branched to from, and stay for good: a thread may be in one at any time. To be called with the
 * registry's lock held.
 */
#ifndef HF_VENEER_H
#define HF_VENEER_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "stop/request.h"

/*
 * The address of a veneer to the code at `to`, in reach of a direct branch at `from`: one that there is, or a new one,
 * which cannot be executed before hf_veneer_seal(). HOTFIX_STAGE when there is no room for one, or the CPU has none;
 * HOTFIX_MEMORY.
 */
int hf_veneer(uintptr_t from, uintptr_t to, uintptr_t *veneer, struct hotfix_error *err);

/* From now on the veneers can be executed, and not be written. HOTFIX_STAGE. */
int hf_veneer_seal(struct hotfix_error *err);

/* How many were made until now. */
size_t hf_veneer_count(void);
/* Takes back all but the first ones: no thread may have come to hear of them. */
void hf_veneer_rewind(size_t count);

/* The pages that veneers are in: stores up to `limit` of them and returns how many there are. */
size_t hf_veneer_ranges(struct hf_range *ranges, size_t limit);

#endif
