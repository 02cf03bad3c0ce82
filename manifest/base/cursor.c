/* SPDX-License-Identifier: Apache-2.0 */
#include "cursor.h"

#include <string.h>

void hf_cursor_init(struct hf_cursor *cursor, const void *bytes, size_t size)
{
    cursor->bytes = bytes;
    cursor->size = size;
    cursor->position = 0;
    cursor->failed = false;
}

const uint8_t *hf_cursor_bytes(struct hf_cursor *cursor, size_t n)
{
    if (cursor->failed || n > cursor->size - cursor->position) {
        cursor->failed = true;
        return NULL;
    }
    const uint8_t *bytes = cursor->bytes + cursor->position;
    cursor->position += n;
    return bytes;
}

static uint64_t little_endian(struct hf_cursor *cursor, size_t n)
{
    const uint8_t *bytes = hf_cursor_bytes(cursor, n);
    uint64_t value = 0;

    for (size_t i = 0; bytes && i < n; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

uint8_t hf_cursor_u8(struct hf_cursor *cursor)
{
    return (uint8_t)little_endian(cursor, 1);
}

uint16_t hf_cursor_u16(struct hf_cursor *cursor)
{
    return (uint16_t)little_endian(cursor, 2);
}

uint32_t hf_cursor_u32(struct hf_cursor *cursor)
{
    return (uint32_t)little_endian(cursor, 4);
}

uint64_t hf_cursor_u64(struct hf_cursor *cursor)
{
    return little_endian(cursor, 8);
}

char *hf_cursor_text(struct hf_cursor *cursor)
{
    size_t size = hf_cursor_u16(cursor);
    const uint8_t *bytes = hf_cursor_bytes(cursor, size);
    char *text = bytes && !memchr(bytes, 0, size) ? strndup((const char *)bytes, size) : NULL;

    if (!text)
        cursor->failed = true;
    return text;
}

bool hf_cursor_done(const struct hf_cursor *cursor)
{
    return !cursor->failed && cursor->position == cursor->size;
}

uint8_t *hf_put(uint8_t *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *out++ = (uint8_t)(value >> (8 * i));
    return out;
}

uint8_t *hf_put_text(uint8_t *out, const char *text)
{
    size_t size = strlen(text);

    return mempcpy(hf_put(out, size, 2), text, size);
}
