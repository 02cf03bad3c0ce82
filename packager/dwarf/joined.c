/* SPDX-License-Identifier: Apache-2.0 */
#include "dwarf/joined.h"

#include <stdlib.h>
#include <string.h>

const char *const hf_joined_names[HF_JOINED_COUNT] = {
    [HF_JOINED_INFO] = ".debug_info",
    [HF_JOINED_ABBREVIATIONS] = ".debug_abbrev",
    [HF_JOINED_STRINGS] = ".debug_str",
    [HF_JOINED_STRING_OFFSETS] = ".debug_str_offsets",
    [HF_JOINED_RANGES] = ".debug_rnglists",
    [HF_JOINED_LINES] = ".debug_line",
    [HF_JOINED_LINE_STRINGS] = ".debug_line_str",
};

static int grow(struct hf_joined *joined, enum hf_joined_section section, const struct hf_bytes *bytes)
{
    size_t size = joined->sections[section].size;
    uint8_t *grown = realloc(joined->sections[section].bytes, size + bytes->size + 1);

    if (!grown)
        return -1;
    if (bytes->size > 0)
        memcpy(grown + size, bytes->begin, bytes->size);
    joined->sections[section].bytes = grown;
    joined->sections[section].size = size + bytes->size;
    return 0;
}

int hf_joined_append(struct hf_joined *joined, const struct hf_image *image, enum hf_joined_section section,
                     const struct hf_bytes *bytes, size_t *at)
{
    struct hf_bytes own;

    if (!joined->sections[section].bytes &&
        (!hf_bytes_load(image, hf_joined_names[section], &own) || grow(joined, section, &own) != 0))
        return -1;
    *at = joined->sections[section].size;
    return grow(joined, section, bytes);
}

void hf_joined_free(struct hf_joined *joined)
{
    for (size_t i = 0; joined && i < HF_JOINED_COUNT; i++)
        free(joined->sections[i].bytes);
    free(joined);
}
