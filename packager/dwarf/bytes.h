/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug sections as bytes, for what libdwarf is not used for: their parts, and abbreviations (DWARF 5, section 7.5.3).
 */
#ifndef HF_BYTES_H
#define HF_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cursor.h"
#include "elf/image.h"

struct hf_bytes {
    const uint8_t *begin; /* the image's; not NULL */
    size_t size;
};

/*
 * A section's bytes, unpacked in place if they are compressed; none for a section that does not exist. False when they
 * cannot be read.
 */
bool hf_bytes_load(const struct hf_image *image, const char *name, struct hf_bytes *bytes);

/*
 * The next unit or table: a length, and as many bytes (DWARF 5, section 7.4); *wide (may be NULL) is whether its
 * offsets have 8 bytes. False when it is cut off.
 */
bool hf_bytes_part(struct hf_cursor *section, struct hf_bytes *part, bool *wide);

/* A number in ULEB128; of SLEB128 the size is the same. */
uint64_t hf_bytes_leb(struct hf_cursor *cursor);

/* Begins the next abbreviation: its code. 0 ends a table. */
uint64_t hf_bytes_abbreviation(struct hf_cursor *cursor);

struct hf_bytes_attribute {
    uint64_t name;
    uint64_t form;
    size_t form_begin; /* where the form's number is, from .. to */
    size_t form_end;
};

/* The next attribute of an abbreviation that was begun. False behind the last one, or when it is cut off. */
bool hf_bytes_attribute(struct hf_cursor *cursor, struct hf_bytes_attribute *attribute);

/* Skips a value of a form (DWARF 5, section 7.5.6). False when it is cut off, or the form is not known. */
bool hf_bytes_skip(struct hf_cursor *cursor, uint64_t form, uint8_t address_size, uint8_t offset_size);

#endif
