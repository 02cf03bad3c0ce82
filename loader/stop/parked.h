/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacks that the program registered (hotfix_stack_register()): a table that any thread changes without a lock, and
 * that can be read in whatever state the threads were stopped. Its entries are reused and never freed.
 */
#ifndef HF_PARKED_H
#define HF_PARKED_H

#include <stdint.h>

struct hf_parked;

/*
 * Iterates over the registered stacks, in no order: `from` is NULL at first, then the previous entry. NULL at the end.
 * *low and *end become the bounds of the stack. May run while threads are stopped; otherwise the stack may no longer be
 * registered on return.
 */
const struct hf_parked *hf_parked_next(const struct hf_parked *from, uintptr_t *low, uintptr_t *end);

#endif
