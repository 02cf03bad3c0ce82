/* SPDX-License-Identifier: Apache-2.0 */
#include "dwarf/split.h"

#include <libdwarf/dwarf.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cursor.h"
#include "dwarf/die.h"
#include "dwarf/entries.h"
#include "dwarf/guard.h"
#include "dwarf/sections.h"
#include "elf/beside.h"
#include "elf/path.h"
#include "error.h"

enum { UNIT_HEADER = 12, TABLE_HEADER = 8, RANGES_HEADER = 12 }; /* in bytes, where offsets have four */

/* What the program says of a unit; texts are libdwarf's. */
struct skeleton {
    uint64_t id;
    const char *name;      /* of the .dwo file; NULL: it is no skeleton */
    const char *directory; /* of the compilation, "" when absent */
    uint64_t lines;        /* HF_DIE_NONE when absent, as those that follow */
    uint64_t addresses;
    uint64_t low;
    bool old_form; /* of GNU, before DWARF 5 */
};

/* One .dwo file and the unit in it. */
struct split {
    struct hf_image file;
    struct hf_bytes abbreviations;
    struct hf_entries entries;
    size_t strings; /* where its texts' table and its ranges begin in the joined sections */
    size_t ranges;  /* 0: it has none */
};

struct join {
    const struct hf_image *image;
    struct hf_joined *joined;
    char **note;
    struct hotfix_error *err;
};

/* An attribute that the skeleton has for the unit. */
struct extra {
    uint16_t name;
    uint8_t form;
    uint64_t value;
    const char *text; /* of DW_FORM_string */
};

/* What the unit's first entry is given; those that it has itself get no name. */
struct first {
    struct extra *extras;
    size_t count;
};

static int out_of_memory(const struct join *join)
{
    return hf_error(join->err, HOTFIX_MEMORY, "%s: out of memory for debug information", join->image->path);
}

static int damaged(const struct join *join, const char *path)
{
    return hf_error(join->err, HOTFIX_FORMAT, "%s: damaged debug information, or that of its unit in %s",
                    join->image->path, path);
}

__attribute__((format(printf, 2, 3))) static int note(const struct join *join, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int size = vasprintf(join->note, format, arguments);
    va_end(arguments);
    if (size < 0)
        *join->note = NULL;
    return size < 0 ? out_of_memory(join) : 0;
}

static const char *text_of(Dwarf_Die die, Dwarf_Half attribute)
{
    const char *text = hf_die_text(die, attribute);

    return text ? text : "";
}

/* An offset into another section. */
static uint64_t offset_of(Dwarf_Die die, Dwarf_Half name)
{
    Dwarf_Attribute attribute;
    Dwarf_Error error;
    Dwarf_Off offset;

    if (dwarf_attr(die, name, &attribute, &error) != DW_DLV_OK)
        return HF_DIE_NONE;
    if (dwarf_global_formref(attribute, &offset, &error) != DW_DLV_OK)
        offset = HF_DIE_NONE;
    dwarf_dealloc_attribute(attribute);
    return offset;
}

static void read_skeleton(Dwarf_Debug dwarf, uint64_t id, struct skeleton *skeleton)
{
    HF_DIE Dwarf_Die die = NULL;
    Dwarf_Error error;
    Dwarf_Addr low;

    *skeleton = (struct skeleton){.id = id};
    if (dwarf_siblingof_b(dwarf, NULL, true, &die, &error) != DW_DLV_OK)
        return;
    skeleton->old_form = hf_die_has(die, DW_AT_GNU_dwo_name);
    if (!skeleton->old_form && !hf_die_has(die, DW_AT_dwo_name))
        return;
    skeleton->name = text_of(die, DW_AT_dwo_name);
    skeleton->directory = text_of(die, DW_AT_comp_dir);
    skeleton->lines = offset_of(die, DW_AT_stmt_list);
    skeleton->addresses = offset_of(die, DW_AT_addr_base);
    skeleton->low = dwarf_lowpc(die, &low, &error) == DW_DLV_OK ? low : HF_DIE_NONE;
}

/* Finds the unit of an id among those of a .dwo file. */
static bool find_unit(struct split *split, uint64_t id)
{
    struct hf_bytes section, unit;
    struct hf_cursor cursor;
    bool wide;

    if (!hf_bytes_load(&split->file, ".debug_info.dwo", &section) ||
        !hf_bytes_load(&split->file, ".debug_abbrev.dwo", &split->abbreviations))
        return false;
    hf_cursor_init(&cursor, section.begin, section.size);
    while (!hf_cursor_done(&cursor) && hf_bytes_part(&cursor, &unit, &wide)) {
        if (!wide && hf_entries_init(&split->entries, &unit, wide, &split->abbreviations) &&
            split->entries.type == DW_UT_split_compile && split->entries.id == id)
            return true;
        hf_entries_deinit(&split->entries);
    }
    return false;
}

static bool try_file(const struct hf_image *image, const char *directory, const struct skeleton *skeleton,
                     const char *name, struct split *split)
{
    HF_FREE char *path = hf_path_join(directory, name);

    if (!path || access(path, F_OK) != 0 || hf_image_open(path, &split->file, NULL) != 0)
        return false;
    if (hf_beside_believed(image, split->file.fd) && find_unit(split, skeleton->id))
        return true;
    hf_image_close(&split->file);
    return false;
}

static bool find_file(const struct hf_image *image, const struct skeleton *skeleton, struct split *split)
{
    HF_FREE char *whole = realpath(image->path, NULL);
    const char *slash = strrchr(skeleton->name, '/');
    const char *beside = whole ? dirname(whole) : "";

    return try_file(image, skeleton->directory, skeleton, skeleton->name, split) ||
           try_file(image, beside, skeleton, skeleton->name, split) ||
           (slash && try_file(image, beside, skeleton, slash + 1, split));
}

static int append(const struct join *join, enum hf_joined_section section, const struct hf_bytes *bytes, size_t *at)
{
    return hf_joined_append(join->joined, join->image, section, bytes, at) == 0 ? 0 : out_of_memory(join);
}

/* Its texts, and the table of their offsets, which now count from somewhere else. */
static int append_strings(const struct join *join, struct split *split)
{
    struct hf_bytes texts, table;
    size_t at;

    if (!hf_bytes_load(&split->file, ".debug_str.dwo", &texts) ||
        !hf_bytes_load(&split->file, ".debug_str_offsets.dwo", &table) || table.size < TABLE_HEADER)
        return damaged(join, split->file.path);
    if (append(join, HF_JOINED_STRINGS, &texts, &at) != 0 ||
        append(join, HF_JOINED_STRING_OFFSETS, &table, &split->strings) != 0)
        return -1;
    uint8_t *copy = join->joined->sections[HF_JOINED_STRING_OFFSETS].bytes + split->strings;
    struct hf_cursor cursor;
    hf_cursor_init(&cursor, copy, table.size);
    hf_cursor_bytes(&cursor, TABLE_HEADER);
    while (table.size - cursor.position >= sizeof(uint32_t)) {
        uint8_t *out = copy + cursor.position;
        uint64_t offset = hf_cursor_u32(&cursor) + at;
        if (offset > UINT32_MAX)
            return damaged(join, split->file.path);
        hf_put(out, offset, sizeof(uint32_t));
    }
    return 0;
}

static int append_ranges(const struct join *join, struct split *split)
{
    struct hf_bytes ranges;

    if (!hf_bytes_load(&split->file, ".debug_rnglists.dwo", &ranges) || !hf_guard_lists(&ranges))
        return damaged(join, split->file.path);
    return ranges.size == 0 ? 0 : append(join, HF_JOINED_RANGES, &ranges, &split->ranges);
}

static void put_leb(FILE *out, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        fputc((int)(value & 0x7f) | 0x80, out);
    fputc((int)value, out);
}

static void put_number(FILE *out, uint64_t value, size_t size)
{
    uint8_t bytes[sizeof(value)];

    hf_put(bytes, value, size);
    fwrite(bytes, size, 1, out);
}

/* 0; -1 when memory was out. */
static int close_bytes(FILE *out, char *const *text, const size_t *size, struct hf_bytes *bytes)
{
    bool failed = ferror(out) != 0;

    failed |= fclose(out) != 0;
    *bytes = (struct hf_bytes){.begin = (const uint8_t *)*text, .size = failed ? 0 : *size};
    return failed ? -1 : 0;
}

static bool drop_extra(const struct hf_entries *entries, const struct hf_bytes_attribute *attribute, size_t position,
                       size_t size, void *arg)
{
    struct first *first = arg;

    (void)entries;
    (void)position;
    (void)size;
    for (size_t i = 0; i < first->count; i++)
        if (first->extras[i].name == attribute->name)
            first->extras[i].name = 0;
    return true;
}

/* The table of the unit, with one more abbreviation: that of its first entry, and the extras. */
static int append_table(const struct join *join, const struct split *split, const struct first *first, size_t *at)
{
    const struct hf_entries *entries = &split->entries;
    HF_FREE char *text = NULL;
    size_t size = 0, position = entries->first;
    struct hf_cursor unit, table;
    struct hf_bytes_attribute attribute;
    struct hf_bytes bytes;

    hf_cursor_init(&unit, entries->unit.begin, entries->unit.size);
    unit.position = position;
    uint64_t code = hf_bytes_leb(&unit);
    for (position = 0; position < entries->abbreviation_count && entries->abbreviations[position].code != code;)
        position++;
    if (position == entries->abbreviation_count)
        return damaged(join, split->file.path);
    size_t begin = entries->abbreviations[position].position, end = begin;
    hf_cursor_init(&table, entries->table.begin, entries->table.size);
    table.position = begin;
    while (hf_bytes_attribute(&table, &attribute))
        end = table.position;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return out_of_memory(join);
    fwrite(entries->table.begin, entries->table_size, 1, out);
    put_leb(out, entries->last_code + 1);
    put_leb(out, DW_TAG_compile_unit);
    fputc(entries->table.begin[begin - 1], out); /* whether it has children */
    fwrite(entries->table.begin + begin, end - begin, 1, out);
    for (size_t i = 0; i < first->count; i++)
        if (first->extras[i].name) {
            put_leb(out, first->extras[i].name);
            put_leb(out, first->extras[i].form);
        }
    put_number(out, 0, 3); /* the end of the abbreviation, and of the table */
    return close_bytes(out, &text, &size, &bytes) == 0 ? append(join, HF_JOINED_ABBREVIATIONS, &bytes, at)
                                                       : out_of_memory(join);
}

static void put_extras(FILE *out, const struct first *first)
{
    for (size_t i = 0; i < first->count; i++) {
        const struct extra *extra = &first->extras[i];
        if (extra->name && extra->form == DW_FORM_string)
            fwrite(extra->text, strlen(extra->text) + 1, 1, out);
        else if (extra->name)
            put_number(out, extra->value, extra->form == DW_FORM_addr ? 8 : 4);
    }
}

/* References within a unit count from its header, which is smaller now, over a first entry that is larger. */
struct shift {
    uint8_t *unit; /* the copy, behind its length */
    int64_t by;
};

static bool shift_reference(const struct hf_entries *entries, const struct hf_bytes_attribute *attribute,
                            size_t position, size_t size, void *arg)
{
    const struct shift *shift = arg;
    struct hf_cursor cursor;

    switch (attribute->form) {
    case DW_FORM_ref4:
    case DW_FORM_ref8:
        hf_cursor_init(&cursor, entries->unit.begin + position, size);
        uint64_t value = size == 8 ? hf_cursor_u64(&cursor) : hf_cursor_u32(&cursor);
        hf_put(shift->unit + (int64_t)position + shift->by, value + (uint64_t)shift->by, size);
        return true;
    case DW_FORM_ref1:
    case DW_FORM_ref2:
    case DW_FORM_ref_udata:
    case DW_FORM_ref_addr:
    case DW_FORM_ref_sig8:
        return false;
    default:
        return true;
    }
}

/* The unit as one of the program's. */
static int append_unit(const struct join *join, const struct split *split, struct first *first)
{
    const struct hf_entries *entries = &split->entries;
    HF_FREE char *text = NULL;
    size_t size = 0, rest = entries->first, table, at;
    struct hf_cursor unit;
    struct hf_bytes bytes;

    if (!hf_entries_visit(entries, &rest, drop_extra, first))
        return damaged(join, split->file.path);
    if (append_table(join, split, first, &table) != 0)
        return -1;
    hf_cursor_init(&unit, entries->unit.begin, entries->unit.size);
    unit.position = entries->first;
    hf_bytes_leb(&unit);
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return out_of_memory(join);
    put_number(out, 0, 4); /* the length, known below */
    put_number(out, 5, 2);
    fputc(DW_UT_compile, out);
    fputc(entries->address_size, out);
    put_number(out, table, 4);
    put_leb(out, entries->last_code + 1);
    fwrite(entries->unit.begin + unit.position, rest - unit.position, 1, out);
    put_extras(out, first);
    size_t children = (size_t)ftell(out);
    fwrite(entries->unit.begin + rest, entries->unit.size - rest, 1, out);
    if (close_bytes(out, &text, &size, &bytes) != 0)
        return out_of_memory(join);
    struct shift shift = {.unit = (uint8_t *)text + sizeof(uint32_t)};
    shift.by = (int64_t)(children - sizeof(uint32_t)) - (int64_t)rest;
    hf_put((uint8_t *)text, size - sizeof(uint32_t), sizeof(uint32_t));
    if (!hf_entries_walk(entries, rest, shift_reference, &shift))
        return note(join,
                    "%s: %s has a form of split debug information that is not read; compile it without "
                    "-gsplit-dwarf",
                    join->image->path, split->file.path);
    return append(join, HF_JOINED_INFO, &bytes, &at);
}

static int join_unit(const struct join *join, const struct skeleton *skeleton, struct split *split)
{
    if (append_strings(join, split) != 0 || append_ranges(join, split) != 0)
        return -1;
    struct extra extras[] = {
        {DW_AT_str_offsets_base, DW_FORM_sec_offset, split->strings + TABLE_HEADER, NULL},
        {split->ranges ? DW_AT_rnglists_base : 0, DW_FORM_sec_offset, split->ranges + RANGES_HEADER, NULL},
        {skeleton->addresses == HF_DIE_NONE ? 0 : DW_AT_addr_base, DW_FORM_sec_offset, skeleton->addresses, NULL},
        {skeleton->lines == HF_DIE_NONE ? 0 : DW_AT_stmt_list, DW_FORM_sec_offset, skeleton->lines, NULL},
        {skeleton->low == HF_DIE_NONE ? 0 : DW_AT_low_pc, DW_FORM_addr, skeleton->low, NULL},
        {DW_AT_comp_dir, DW_FORM_string, 0, skeleton->directory},
    };
    return append_unit(join, split, &(struct first){extras, sizeof(extras) / sizeof(extras[0])});
}

static int join_file(const struct join *join, const struct skeleton *skeleton)
{
    struct split split = {.strings = 0};

    if (skeleton->old_form)
        return note(join,
                    "%s has its debug information in .dwo files as they were before DWARF 5, which are not read; "
                    "compile it with -gdwarf-5, or without -gsplit-dwarf",
                    join->image->path);
    if (!find_file(join->image, skeleton, &split))
        return note(
            join,
            "%s has debug information in .dwo files, and %s of this build was not found in %s, nor beside it, or "
            "belongs to another user, or has type units, which are not read; "
            "keep them, or compile it without -gsplit-dwarf",
            join->image->path, skeleton->name, skeleton->directory);
    int result = join_unit(join, skeleton, &split);
    hf_entries_deinit(&split.entries);
    hf_image_close(&split.file);
    return result;
}

static int join_files(const struct join *join, Dwarf_Debug dwarf)
{
    Dwarf_Unsigned length, type_offset, next;
    Dwarf_Half version, address_size, length_size, extension_size, type;
    Dwarf_Off abbreviations;
    Dwarf_Sig8 id;
    Dwarf_Error error;
    int status;

    while ((status = dwarf_next_cu_header_d(dwarf, true, &length, &version, &abbreviations, &address_size, &length_size,
                                            &extension_size, &id, &type_offset, &next, &type, &error)) == DW_DLV_OK) {
        struct skeleton skeleton;
        uint64_t number;
        memcpy(&number, &id, sizeof(number));
        read_skeleton(dwarf, number, &skeleton);
        if (skeleton.name && (join_file(join, &skeleton) != 0 || *join->note))
            return *join->note ? 0 : -1;
    }
    return status == DW_DLV_ERROR ? damaged(join, "a .dwo file") : 0;
}

/* Skeletons have their addresses in a table, and compilers write them for nothing else but that; clang always does. */
static bool may_be_split(const struct hf_image *image)
{
    struct hf_bytes abbreviations;
    struct hf_bytes_attribute attribute;
    struct hf_cursor cursor;

    if (!hf_image_section(image, ".debug_addr", NULL) || !hf_bytes_load(image, ".debug_abbrev", &abbreviations))
        return false;
    hf_cursor_init(&cursor, abbreviations.begin, abbreviations.size);
    while (!hf_cursor_done(&cursor) && !cursor.failed) {
        if (hf_bytes_abbreviation(&cursor) == 0)
            continue;
        while (hf_bytes_attribute(&cursor, &attribute))
            if (attribute.name == DW_AT_dwo_name || attribute.name == DW_AT_GNU_dwo_name)
                return true;
    }
    return false;
}

int hf_split_open(const struct hf_image *image, struct hf_joined **joined, char **note, struct hotfix_error *err)
{
    struct join join = {.image = image, .note = note, .err = err};
    struct hf_sections sections;
    Dwarf_Debug dwarf;
    Dwarf_Error error;

    *joined = NULL;
    *note = NULL;
    if (!may_be_split(image))
        return 0;
    join.joined = calloc(1, sizeof(*join.joined));
    if (!join.joined)
        return out_of_memory(&join);
    int result = -1;
    int status = hf_sections_open(&sections, image, NULL, &dwarf, &error);
    if (status == DW_DLV_OK) {
        result = join_files(&join, dwarf);
        dwarf_object_finish(dwarf, &error);
    } else {
        damaged(&join, "a .dwo file");
        if (status == DW_DLV_ERROR)
            dwarf_dealloc_error(NULL, error);
    }
    if (result == 0 && !*note)
        *joined = join.joined;
    else
        hf_joined_free(join.joined);
    return result;
}
