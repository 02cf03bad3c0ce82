/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unloading the patch of a reverted bundle, if nothing can return to it or use it: enum hotfix_unload says what is
 * checked, and what cannot be detected.
 *
 * Threads are stopped twice, before and after the memory is searched: so a pointer that moves, during the search, from
 * a stack or a register to memory that was searched already is still found. The dynamic linker's own pointers into the
 * patch do not count, since it removes them.
 */
#ifndef HF_UNLOAD_H
#define HF_UNLOAD_H

#include <stdint.h>

#include "applied/registry.h"
#include "applied/result.h"

/*
 * Unloads the entry's patch, or leaves it as it is; the report's log says which, and why. The entry is no longer in the
 * registry. deadline_ns is for each stop, as in struct hotfix_apply_options.
 */
void hf_unload(struct hf_applied *applied, uint64_t deadline_ns, struct hf_report *report);

#endif
