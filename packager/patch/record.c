/* SPDX-License-Identifier: Apache-2.0 */
#include "patch/record.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cursor.h"
#include "error.h"

#define MAGIC_SIZE 8
#define FIXED_SIZE (4 * 8 + 4 + 2 + 2) /* bytes of a record without its two texts */

static const char table_magic[MAGIC_SIZE] = {'H', 'F', 'F', 'U', 'N', 'C', 'S', '1'};

static int parse_record(struct hf_cursor *cursor, const struct hf_record *previous, struct hf_record *record,
                        struct hotfix_error *err)
{
    record->target = hf_cursor_u64(cursor);
    record->target_size = hf_cursor_u64(cursor);
    record->replacement = hf_cursor_u64(cursor);
    record->replacement_size = hf_cursor_u64(cursor);
    record->group = hf_cursor_u32(cursor);
    record->name = hf_cursor_text(cursor);
    record->source = hf_cursor_text(cursor);
    if (cursor->failed)
        return hf_error(err, HOTFIX_FORMAT, "is cut off or damaged");
    if (record->name[0] == '\0' || record->target_size == 0 || record->replacement_size == 0 ||
        record->target_size > UINT64_MAX - record->target)
        return hf_error(err, HOTFIX_FORMAT, "a function without name or code");
    if (previous && record->target < previous->target + previous->target_size)
        return hf_error(err, HOTFIX_FORMAT, "out of order, or overlaps the one before");
    return 0;
}

static int parse_all(struct hf_cursor *cursor, struct hf_records *records, struct hotfix_error *err)
{
    const uint8_t *magic = hf_cursor_bytes(cursor, MAGIC_SIZE);
    if (!magic || memcmp(magic, table_magic, MAGIC_SIZE) != 0)
        return hf_error(err, HOTFIX_FORMAT, "does not begin with its magic");

    records->target.size = hf_cursor_u8(cursor);
    const uint8_t *id = records->target.size <= HF_BUILD_ID_MAX ? hf_cursor_bytes(cursor, records->target.size) : NULL;
    if (!id || records->target.size == 0)
        return hf_error(err, HOTFIX_FORMAT, "has no build-id of 1 to %d bytes", HF_BUILD_ID_MAX);
    memcpy(records->target.bytes, id, records->target.size);

    size_t count = hf_cursor_u32(cursor);
    if (cursor->failed || count > HF_MANIFEST_MAX_FUNCTIONS || count > (cursor->size - cursor->position) / FIXED_SIZE)
        return hf_error(err, HOTFIX_FORMAT, "its count is out of range");
    records->items = calloc(count + 1, sizeof(*records->items));
    if (!records->items)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++) {
        struct hf_record *record = &records->items[records->count++];
        if (parse_record(cursor, i > 0 ? record - 1 : NULL, record, err) != 0)
            return hf_error_prefix(err, "record %zu", i);
    }
    if (!hf_cursor_done(cursor))
        return hf_error(err, HOTFIX_FORMAT, "has bytes after the last record");
    return 0;
}

int hf_records_parse(const void *table, size_t size, struct hf_records *records, struct hotfix_error *err)
{
    struct hf_cursor cursor;
    struct hf_records parsed = {.count = 0};

    hf_cursor_init(&cursor, table, size);
    if (parse_all(&cursor, &parsed, err) != 0) {
        hf_records_deinit(&parsed);
        return hf_error_prefix(err, "function table");
    }
    *records = parsed;
    return 0;
}

static uint8_t *put_record(uint8_t *out, const struct hf_record *record)
{
    out = hf_put(out, record->target, 8);
    out = hf_put(out, record->target_size, 8);
    out = hf_put(out, record->replacement, 8);
    out = hf_put(out, record->replacement_size, 8);
    out = hf_put(out, record->group, 4);
    out = hf_put_text(out, record->name);
    return hf_put_text(out, record->source);
}

int hf_records_format(const struct hf_records *records, uint8_t **table, size_t *size, struct hotfix_error *err)
{
    size_t total = MAGIC_SIZE + 1 + records->target.size + 4;

    for (size_t i = 0; i < records->count; i++) {
        size_t name = strlen(records->items[i].name);
        size_t source = strlen(records->items[i].source);
        if (name > UINT16_MAX || source > UINT16_MAX)
            return hf_error(err, HOTFIX_INTERNAL, "function table: a name is too long");
        total += FIXED_SIZE + name + source;
    }
    HF_FREE uint8_t *bytes = malloc(total);
    if (!bytes)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");

    uint8_t *out = mempcpy(bytes, table_magic, MAGIC_SIZE);
    out = hf_put(out, records->target.size, 1);
    out = mempcpy(out, records->target.bytes, records->target.size);
    out = hf_put(out, records->count, 4);
    for (size_t i = 0; i < records->count; i++)
        out = put_record(out, &records->items[i]);

    /* What is written must be readable. */
    struct hf_records again;
    if (hf_records_parse(bytes, total, &again, err) != 0) {
        if (err)
            err->code = err->code == HOTFIX_MEMORY ? HOTFIX_MEMORY : HOTFIX_INTERNAL;
        return -1;
    }
    hf_records_deinit(&again);
    *table = hf_move(bytes);
    *size = total;
    return 0;
}

void hf_records_deinit(struct hf_records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        free(records->items[i].name);
        free(records->items[i].source);
    }
    free(records->items);
    *records = (struct hf_records){.count = 0};
}
