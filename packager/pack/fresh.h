/* SPDX-License-Identifier: Apache-2.0 */
/* State that a bundle takes over from no other bundle: the new variables of its patch. */
#ifndef HF_FRESH_H
#define HF_FRESH_H

#include <stddef.h>

#include "elf/image.h"
#include "hotfix/error.h"

/*
 * The names of a patch's own writable variables, joined by ", " and malloc'ed; "" when it has none, or no symbols.
 * *count is how many there are. HOTFIX_MEMORY.
 */
int hf_fresh_variables(const struct hf_image *patch, char **names, size_t *count, struct hotfix_error *err);

#endif
