/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Old sources whose lines have the numbers that the same lines have behind the patch: where they are compiled once more
 * so, all that __LINE__ makes of a line that only moved is as in the new objects, and nothing else is.
 */
#ifndef HF_RENUMBER_H
#define HF_RENUMBER_H

#include <stdbool.h>

#include "hotfix/error.h"

/*
 * Writes `#line` directives into the C source or header `before`, so that every line that diff(1) finds in `after`,
 * too, counts as it does there, as far as a directive may stand in front of it: in no comment, text, directive or
 * macro's argument. *moved: a line has another number. `table` is a file to write to. A file that has such directives
 * itself stays as it is. HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_renumber(const char *before, const char *after, const char *table, bool *moved, struct hotfix_error *err);

#endif
