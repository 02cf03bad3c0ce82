/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Veneers: code that continues a direct branch to a destination that the branch cannot reach (on a CPU whose branches
 * reach less far than its references to data, if a patch found no nearer room). They lie in separate pages within reach
 * of the branches, and stay for ever: a thread may be in one at any time. Call with the registry's lock held.
 */
#ifndef HF_VENEER_H
#define HF_VENEER_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "stop/request.h"

/*
 * The address of a veneer to the code at `to`, within reach of a direct branch at `from`: an existing one, or a new
 * one, which cannot be executed before hf_veneer_seal(). HOTFIX_STAGE when there is no room, or the CPU has no veneers;
 * HOTFIX_MEMORY.
 */
int hf_veneer(uintptr_t from, uintptr_t to, uintptr_t *veneer, struct hotfix_error *err);

/* Makes the veneers executable and no longer writable. HOTFIX_STAGE. */
int hf_veneer_seal(struct hotfix_error *err);

/* The number of veneers made so far. */
size_t hf_veneer_count(void);
/* Removes all but the first `count`: no thread may have got the address of a removed one. */
void hf_veneer_rewind(size_t count);

/* The pages that veneers are in: stores up to `limit` of them and returns how many there are. */
size_t hf_veneer_ranges(struct hf_range *ranges, size_t limit);

#endif
