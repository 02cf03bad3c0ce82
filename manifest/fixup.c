/* SPDX-License-Identifier: Apache-2.0 */
#include "fixup.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "error.h"

#define MAGIC_SIZE  8
#define RECORD_SIZE 32

static const char table_magic[MAGIC_SIZE] = {'H', 'F', 'F', 'I', 'X', 'U', 'P', '1'};

static int parse_modules(struct hf_cursor *cursor, struct hf_fixups *fixups, struct hotfix_error *err)
{
    for (size_t i = 0; i < fixups->module_count; i++) {
        struct hf_build_id *module = &fixups->modules[i];
        module->size = hf_cursor_u8(cursor);
        const uint8_t *bytes = module->size <= HF_BUILD_ID_MAX ? hf_cursor_bytes(cursor, module->size) : NULL;
        if (!bytes || module->size == 0)
            return hf_error(err, HOTFIX_FORMAT, "fix-up table: module %zu has no build-id of 1 to %d bytes", i,
                            HF_BUILD_ID_MAX);
        memcpy(module->bytes, bytes, module->size);
    }
    return 0;
}

static int parse_records(struct hf_cursor *cursor, struct hf_fixups *fixups, struct hotfix_error *err)
{
    uint64_t last = 0;

    for (size_t i = 0; i < fixups->record_count; i++) {
        struct hf_fixup *record = &fixups->records[i];
        record->place = hf_cursor_u64(cursor);
        record->value = hf_cursor_u64(cursor);
        record->addend = (int64_t)hf_cursor_u64(cursor);
        record->type = hf_cursor_u32(cursor);
        record->module = hf_cursor_u16(cursor);
        record->kind = hf_cursor_u16(cursor);
        if (cursor->failed)
            return hf_error(err, HOTFIX_FORMAT, "fix-up table: cut off at record %zu", i);
        if (record->module >= fixups->module_count)
            return hf_error(err, HOTFIX_FORMAT, "fix-up table: record %zu names module %u of %zu", i, record->module,
                            fixups->module_count);
        if (record->kind > HF_FIXUP_OWN_EXPORT)
            return hf_error(err, HOTFIX_FORMAT, "fix-up table: record %zu is of unknown kind %u", i, record->kind);
        if (record->place < last)
            return hf_error(err, HOTFIX_FORMAT, "fix-up table: record %zu is out of order", i);
        last = record->place;
    }
    return 0;
}

int hf_fixups_parse(const void *table, size_t size, struct hf_fixups *fixups, struct hotfix_error *err)
{
    struct hf_cursor cursor;
    struct hf_fixups parsed = {0};

    hf_cursor_init(&cursor, table, size);
    const uint8_t *magic = hf_cursor_bytes(&cursor, MAGIC_SIZE);
    if (!magic || memcmp(magic, table_magic, MAGIC_SIZE) != 0)
        return hf_error(err, HOTFIX_FORMAT, "fix-up table: does not begin with its magic");
    parsed.module_count = hf_cursor_u32(&cursor);
    parsed.record_count = hf_cursor_u32(&cursor);
    /* The size bounds the count before anything is allocated for it. */
    if (cursor.failed || parsed.module_count > HF_FIXUP_MAX_MODULES || parsed.record_count > HF_FIXUP_MAX_RECORDS ||
        parsed.record_count > size / RECORD_SIZE)
        return hf_error(err, HOTFIX_FORMAT, "fix-up table: counts are out of range");

    parsed.modules = calloc(parsed.module_count + 1, sizeof(*parsed.modules));
    parsed.records = calloc(parsed.record_count + 1, sizeof(*parsed.records));
    int failed = 0;
    if (!parsed.modules || !parsed.records)
        failed = hf_error(err, HOTFIX_MEMORY, "fix-up table: out of memory");
    if (!failed)
        failed = parse_modules(&cursor, &parsed, err);
    if (!failed)
        failed = parse_records(&cursor, &parsed, err);
    if (!failed && !hf_cursor_done(&cursor))
        failed = hf_error(err, HOTFIX_FORMAT, "fix-up table: bytes after the last record");
    if (failed) {
        hf_fixups_deinit(&parsed);
        return -1;
    }
    *fixups = parsed;
    return 0;
}

int hf_fixups_format(const struct hf_fixups *fixups, uint8_t **table, size_t *size, struct hotfix_error *err)
{
    if (fixups->module_count > HF_FIXUP_MAX_MODULES || fixups->record_count > HF_FIXUP_MAX_RECORDS)
        return hf_error(err, HOTFIX_INTERNAL, "%zu fix-ups into %zu modules are more than a table holds",
                        fixups->record_count, fixups->module_count);
    size_t total = MAGIC_SIZE + 8 + fixups->record_count * RECORD_SIZE;
    for (size_t i = 0; i < fixups->module_count; i++) {
        if (fixups->modules[i].size > HF_BUILD_ID_MAX)
            return hf_error(err, HOTFIX_INTERNAL, "fix-ups: module %zu has no build-id of 1 to %d bytes", i,
                            HF_BUILD_ID_MAX);
        total += 1 + fixups->modules[i].size;
    }
    uint8_t *bytes = malloc(total);
    if (!bytes)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for %zu fix-ups", fixups->record_count);

    uint8_t *out = mempcpy(bytes, table_magic, MAGIC_SIZE);
    out = hf_put(out, fixups->module_count, 4);
    out = hf_put(out, fixups->record_count, 4);
    for (size_t i = 0; i < fixups->module_count; i++) {
        out = hf_put(out, fixups->modules[i].size, 1);
        out = mempcpy(out, fixups->modules[i].bytes, fixups->modules[i].size);
    }
    for (size_t i = 0; i < fixups->record_count; i++) {
        const struct hf_fixup *record = &fixups->records[i];
        out = hf_put(out, record->place, 8);
        out = hf_put(out, record->value, 8);
        out = hf_put(out, (uint64_t)record->addend, 8);
        out = hf_put(out, record->type, 4);
        out = hf_put(out, record->module, 2);
        out = hf_put(out, record->kind, 2);
    }
    /* What is written must be readable. */
    struct hf_fixups again;
    struct hotfix_error reason;
    if (hf_fixups_parse(bytes, total, &again, &reason) != 0) {
        free(bytes);
        return hf_error(err, reason.code == HOTFIX_FORMAT ? HOTFIX_INTERNAL : reason.code, "%s that was to be written",
                        reason.message);
    }
    hf_fixups_deinit(&again);
    *table = bytes;
    *size = total;
    return 0;
}

void hf_fixups_deinit(struct hf_fixups *fixups)
{
    free(fixups->modules);
    free(fixups->records);
    memset(fixups, 0, sizeof(*fixups));
}
