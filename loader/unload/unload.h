/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unloading the patch of a bundle that was reverted, where nothing can come back to it: enum hotfix_unload says what is
 * looked at, and what cannot be seen.
 *
 * Threads are stopped twice, before and after the memory is searched: a pointer that is on a stack or in a register
 * when the search begins, and in memory that was searched already when it ends, has been seen once. The dynamic
 * linker's own pointers into the patch do not count: it drops them.
 */
#ifndef HF_UNLOAD_H
#define HF_UNLOAD_H

#include <stdint.h>

#include "applied/registry.h"
#include "applied/result.h"

/*
 * Unloads the entry's patch, or leaves it as it is; the report's log says which, and why. The entry is in the registry
 * no more. deadline_ns is each stop's, as in struct hotfix_apply_options.
 */
void hf_unload(struct hf_applied *applied, uint64_t deadline_ns, struct hf_report *report);

#endif
