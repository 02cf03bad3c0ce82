/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of a module's code as a manifest writes them: "0x1180+25 0x2290+31", offsets in hexadecimal, sizes in decimal,
 * separated by one blank, ascending and without overlap.
 */
#ifndef HF_RANGES_H
#define HF_RANGES_H

#include <stddef.h>
#include <stdint.h>

#define HF_CODE_RANGES_MAX 256u

struct hf_code_range {
    uint64_t offset;
    uint64_t size; /* bytes; > 0 */
};

struct hf_code_ranges {
    struct hf_code_range *items; /* owned; NULL when there is none */
    size_t count;
};

/*
 * Parses one range or more. 0; 1 when the text is no list of at most HF_CODE_RANGES_MAX ranges; -1 when out of memory.
 * Spellings that hf_code_ranges_format() would not write may pass. On failure ranges is untouched.
 */
int hf_code_ranges_parse(const char *text, struct hf_code_ranges *ranges);
/* The text, malloc'ed; "" for no range. NULL when out of memory. */
char *hf_code_ranges_format(const struct hf_code_ranges *ranges);
/* Adds one behind those that are there; the caller keeps them in order. 0, or -1 when out of memory. */
int hf_code_ranges_add(struct hf_code_ranges *ranges, uint64_t offset, uint64_t size);
void hf_code_ranges_deinit(struct hf_code_ranges *ranges);

#endif
