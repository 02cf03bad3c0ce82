/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounds-checked reader over foreign bytes, little-endian. A read beyond the end sets failed and yields zeros, so
 * a sequence of reads needs one check at its end. And the writer that is its opposite.
 */
#ifndef HF_CURSOR_H
#define HF_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_cursor {
    const uint8_t *bytes;
    size_t size;
    size_t position;
    bool failed;
};

/* Over size bytes that must outlive the cursor. */
void hf_cursor_init(struct hf_cursor *cursor, const void *bytes, size_t size);
/* The next n bytes, or NULL (and failed) when there are fewer. */
const uint8_t *hf_cursor_bytes(struct hf_cursor *cursor, size_t n);
uint8_t hf_cursor_u8(struct hf_cursor *cursor);
uint16_t hf_cursor_u16(struct hf_cursor *cursor);
uint32_t hf_cursor_u32(struct hf_cursor *cursor);
uint64_t hf_cursor_u64(struct hf_cursor *cursor);
/* A text behind its size (u16), malloc'ed; NULL (and failed) when it is cut off, holds a NUL or memory is out. */
char *hf_cursor_text(struct hf_cursor *cursor);
/* True when nothing failed and nothing is left. */
bool hf_cursor_done(const struct hf_cursor *cursor);

/* Writes the low `size` bytes of value, least significant first; returns the byte behind them. */
uint8_t *hf_put(uint8_t *out, uint64_t value, size_t size);
/* Writes a text of at most UINT16_MAX bytes behind its size. */
uint8_t *hf_put_text(uint8_t *out, const char *text);

#endif
