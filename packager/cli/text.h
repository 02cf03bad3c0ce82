/* SPDX-License-Identifier: Apache-2.0 */
/* Text that comes from elsewhere, made safe to show; and the nearest name to a mistyped one. */
#ifndef HF_TEXT_H
#define HF_TEXT_H

#include <stddef.h>

/*
 * A copy for a terminal: control characters (C0, DEL, C1, bidirectional overrides) and bytes that are not UTF-8
 * become \xNN. malloc'ed; NULL when out of memory.
 */
char *hf_text_printable(const char *text);

/* A copy in which every byte that is not part of valid UTF-8 became U+FFFD. malloc'ed; NULL when out of memory. */
char *hf_text_utf8(const char *text);

/* The one of count names that needs the fewest edits to become word, NULL when none is near enough to be meant. */
const char *hf_text_nearest(const char *word, const char *const *names, size_t count);

#endif
