/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <string.h>

static bool is_ordered(const char *before, size_t before_size, const char *word, size_t size)
{
    int order = memcmp(before, word, before_size < size ? before_size : size);

    return order < 0 || (order == 0 && before_size < size);
}

bool hf_words_valid(const char *text)
{
    const char *before = "";
    size_t before_size = 0;

    for (const char *word = text;; word++) {
        size_t size = strcspn(word, " ");
        if (size == 0 || !is_ordered(before, before_size, word, size))
            return false;
        before = word;
        before_size = size;
        word += size;
        if (*word == '\0')
            return true;
    }
}

size_t hf_words_next(const char **next, const char **word)
{
    *word = *next + strspn(*next, " ");

    size_t size = strcspn(*word, " ");
    *next = *word + size;
    return size;
}
