/* SPDX-License-Identifier: Apache-2.0 */
/* Text that a manifest takes as a value: one line of UTF-8 without control characters. */
#ifndef HF_PLAIN_H
#define HF_PLAIN_H

#include "hotfix/error.h"

#define HF_PLAIN_MAX 8000 /* bytes, well below HF_MANIFEST_MAX_VALUE */

/* HOTFIX_USAGE, naming the option, for what a person gave and is not such text. */
int hf_plain_check(const char *option, const char *text, struct hotfix_error *err);

/* A copy of foreign text in which everything else is written as \xNN, cut to HF_PLAIN_MAX. malloc'ed; NULL when out of
 * memory. */
char *hf_plain_copy(const char *text);

#endif
