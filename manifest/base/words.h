/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of words in one text: each once, in the order of their bytes, one blank between them. */
#ifndef HF_WORDS_H
#define HF_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Is the text such a list? An empty text is none. */
bool hf_words_valid(const char *text);

/*
 * Iterates over the words: *next is the begin of the text before the first call, and the end of the word after each
 * call. Returns the size of the word, which begins at *word; 0 at the end.
 */
size_t hf_words_next(const char **next, const char **word);

#endif
