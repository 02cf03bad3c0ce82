/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacks that the program registered (hotfix_stack_register()): a table that any thread changes without a lock and
 * that can be read in any state in which the threads were stopped. Its entries are used again and never freed.
 */
#ifndef HF_PARKED_H
#define HF_PARKED_H

#include <stdint.h>

struct hf_parked;

/*
 * Goes through the registered stacks, in no order: `from` is NULL at first, then the entry before. NULL at the end.
 * *low and *end become the stack's. May run while threads are stopped; else the stack may be gone by the return.
 */
const struct hf_parked *hf_parked_next(const struct hf_parked *from, uintptr_t *low, uintptr_t *end);

#endif
