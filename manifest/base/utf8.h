/* SPDX-License-Identifier: Apache-2.0 */
/* Characters of UTF-8 text, and which of them must be escaped in output. No function here allocates. */
#ifndef HF_UTF8_H
#define HF_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes of the character at text, which ends with NUL, and its code point. 0, and point is untouched, where there is no
 * such character: RFC 3629 admits the shortest form only and no surrogates.
 */
size_t hf_utf8_decode(const char *text, uint32_t *point);

/* A control character: C0, DEL, C1. */
bool hf_utf8_is_control(uint32_t point);

/*
 * Whether a reader could be deceived by the character: controls, characters that change the direction of text or break
 * a line, characters without a width, tags, variation selectors, blank letters, and U+FFFE
 * and its like, which are no characters.
 * Blanks with a width are not hidden.
 */
bool hf_utf8_is_hidden(uint32_t point);

/* Whether the character is a blank with a width: the space, and the blanks of other scripts and of typography. */
bool hf_utf8_is_blank(uint32_t point);

#endif
