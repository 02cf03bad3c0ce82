/* SPDX-License-Identifier: Apache-2.0 */
#include "dwarf/asked.h"

#include <stdlib.h>
#include <string.h>

/* A name that begins with a dot is no suffix. */
static size_t stem_size(const char *symbol)
{
    return symbol[0] ? 1 + strcspn(symbol + 1, ".@") : 0;
}

/* Where a name of this size is, or would be. */
static size_t place_of(const struct hf_asked *asked, const char *name, size_t size, bool *found)
{
    size_t low = 0, high = asked->count;

    *found = false;
    while (low < high && !*found) {
        size_t middle = low + (high - low) / 2;
        int order = strncmp(asked->names[middle], name, size);
        *found = order == 0 && asked->names[middle][size] == '\0';
        if (*found)
            low = middle;
        else if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int hf_asked_add(struct hf_asked *asked, const char *symbol)
{
    size_t size = stem_size(symbol);
    bool found;

    size_t place = place_of(asked, symbol, size, &found);
    if (found || size == 0)
        return 0;
    char **grown = reallocarray(asked->names, asked->count + 1, sizeof(*grown));
    if (!grown)
        return -1;
    asked->names = grown;
    char *name = strndup(symbol, size);
    if (!name)
        return -1;
    memmove(grown + place + 1, grown + place, (asked->count - place) * sizeof(*grown));
    grown[place] = name;
    asked->count++;
    return 0;
}

bool hf_asked_has(const struct hf_asked *asked, const char *symbol)
{
    bool found;

    place_of(asked, symbol, stem_size(symbol), &found);
    return found;
}

void hf_asked_deinit(struct hf_asked *asked)
{
    for (size_t i = 0; i < asked->count; i++)
        free(asked->names[i]);
    free(asked->names);
    *asked = (struct hf_asked){.count = 0};
}
