/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the code of an object uses a table: does the table's address, or its content, stay within the functions that use
 * it? Then nothing in the running program points to the table while none of these functions runs.
 */
#ifndef HF_USAGE_H
#define HF_USAGE_H

#include "reference/work.h"

/*
 * Is it proven that no pointer to this part of an object outlives a function that uses it? deep: no value that was read
 * from it either. *where is the function or variable that contradicts. 1 or 0; -1 with HOTFIX_FORMAT or HOTFIX_MEMORY.
 */
int hf_usage_kept(const struct hf_arch_tools *arch, const struct hf_part *table, bool deep, const char **where,
                  struct hotfix_error *err);

/* Does a function compute the address of a place in itself, in the code of this part of it? Unknown counts as yes. */
bool hf_usage_takes_own(const struct hf_arch_tools *arch, const struct hf_part *code);

/* Does a reference of a part lead into the middle of code, other than to call or jump there directly? */
bool hf_usage_enters(const struct hf_arch_tools *arch, const struct hf_part *from, const struct hf_reference *reference,
                     const struct hf_part *code);

#endif
