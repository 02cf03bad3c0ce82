/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joined debug sections of several files: an image's own sections, followed by the sections of other files that belong
 * to them. libdwarf reads them instead of the image's (see sections.h).
 */
#ifndef HF_JOINED_H
#define HF_JOINED_H

#include "dwarf/bytes.h"

enum hf_joined_section {
    HF_JOINED_INFO,
    HF_JOINED_ABBREVIATIONS,
    HF_JOINED_STRINGS,
    HF_JOINED_STRING_OFFSETS,
    HF_JOINED_RANGES,
    HF_JOINED_LINES,
    HF_JOINED_LINE_STRINGS,
    HF_JOINED_COUNT
};

struct hf_joined {
    struct {
        uint8_t *bytes; /* NULL: the image's own is all there is */
        size_t size;
    } sections[HF_JOINED_COUNT];
};

extern const char *const hf_joined_names[HF_JOINED_COUNT];

/*
 * Appends bytes to a section, the first time after the image's own bytes: *at is where they begin. 0; -1 when out of
 * memory or the section cannot be read.
 */
int hf_joined_append(struct hf_joined *joined, const struct hf_image *image, enum hf_joined_section section,
                     const struct hf_bytes *bytes, size_t *at);
/* NULL is fine. */
void hf_joined_free(struct hf_joined *joined);

#endif
