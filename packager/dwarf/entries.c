/* SPDX-License-Identifier: Apache-2.0 */
#include "dwarf/entries.h"

#include <libdwarf/dwarf.h>
#include <stdlib.h>

static bool read_header(struct hf_entries *entries, bool wide)
{
    struct hf_cursor cursor;

    hf_cursor_init(&cursor, entries->unit.begin, entries->unit.size);
    entries->offset_size = wide ? 8 : 4;
    entries->type = DW_UT_compile;
    entries->version = hf_cursor_u16(&cursor);
    if (entries->version >= 5) {
        entries->type = hf_cursor_u8(&cursor);
        entries->address_size = hf_cursor_u8(&cursor);
    }
    entries->table_position = cursor.position;
    entries->table_offset = wide ? hf_cursor_u64(&cursor) : hf_cursor_u32(&cursor);
    if (entries->version < 5)
        entries->address_size = hf_cursor_u8(&cursor);
    if (entries->type == DW_UT_skeleton || entries->type == DW_UT_split_compile)
        entries->id = hf_cursor_u64(&cursor);
    else if (entries->type == DW_UT_type || entries->type == DW_UT_split_type)
        hf_cursor_bytes(&cursor, 8u + entries->offset_size);
    entries->first = cursor.position;
    return !cursor.failed && entries->version >= 3 && entries->version <= 5;
}

static bool add_abbreviation(struct hf_entries *entries, uint64_t code, size_t position)
{
    size_t count = entries->abbreviation_count;

    if ((count & (count - 1)) == 0) {
        struct hf_abbreviation *grown =
            reallocarray(entries->abbreviations, count ? 2 * count : 1, sizeof(*entries->abbreviations));
        if (!grown)
            return false;
        entries->abbreviations = grown;
    }
    entries->abbreviations[entries->abbreviation_count++] = (struct hf_abbreviation){code, position};
    if (code > entries->last_code)
        entries->last_code = code;
    return true;
}

static bool read_abbreviations(struct hf_entries *entries)
{
    struct hf_cursor cursor;
    struct hf_bytes_attribute attribute;

    hf_cursor_init(&cursor, entries->table.begin, entries->table.size);
    for (;;) {
        entries->table_size = cursor.position;
        uint64_t code = hf_bytes_abbreviation(&cursor);
        if (code == 0)
            return !cursor.failed;
        if (!add_abbreviation(entries, code, cursor.position))
            return false;
        while (hf_bytes_attribute(&cursor, &attribute))
            ;
    }
}

bool hf_entries_init(struct hf_entries *entries, const struct hf_bytes *unit, bool wide,
                     const struct hf_bytes *abbreviations)
{
    *entries = (struct hf_entries){.unit = *unit};
    if (!read_header(entries, wide) || entries->table_offset >= abbreviations->size)
        return false;
    entries->table.begin = abbreviations->begin + entries->table_offset;
    entries->table.size = abbreviations->size - entries->table_offset;
    return read_abbreviations(entries);
}

void hf_entries_deinit(struct hf_entries *entries)
{
    free(entries->abbreviations);
    entries->abbreviations = NULL;
}

/* Puts a cursor before the attributes of an abbreviation. Most are numbered from 1 on. */
static bool find_abbreviation(const struct hf_entries *entries, uint64_t code, struct hf_cursor *cursor)
{
    size_t found = (size_t)code - 1;

    if (code > entries->abbreviation_count || entries->abbreviations[found].code != code)
        for (found = 0; found < entries->abbreviation_count && entries->abbreviations[found].code != code;)
            found++;
    if (found == entries->abbreviation_count)
        return false;
    hf_cursor_init(cursor, entries->table.begin, entries->table.size);
    cursor->position = entries->abbreviations[found].position;
    return true;
}

bool hf_entries_visit(const struct hf_entries *entries, size_t *position, hf_entries_fn fn, void *arg)
{
    struct hf_cursor cursor, abbreviation;
    struct hf_bytes_attribute attribute;

    hf_cursor_init(&cursor, entries->unit.begin, entries->unit.size);
    cursor.position = *position;
    uint64_t code = hf_bytes_leb(&cursor);
    if (cursor.failed || (code != 0 && !find_abbreviation(entries, code, &abbreviation)))
        return false;
    while (code != 0 && hf_bytes_attribute(&abbreviation, &attribute)) {
        size_t begin = cursor.position;
        if (!hf_bytes_skip(&cursor, attribute.form, entries->address_size, entries->offset_size) ||
            !fn(entries, &attribute, begin, cursor.position - begin, arg))
            return false;
    }
    *position = cursor.position;
    return code == 0 || !abbreviation.failed;
}

bool hf_entries_walk(const struct hf_entries *entries, size_t position, hf_entries_fn fn, void *arg)
{
    while (position < entries->unit.size)
        if (!hf_entries_visit(entries, &position, fn, arg))
            return false;
    return true;
}
