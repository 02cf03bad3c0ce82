/* SPDX-License-Identifier: Apache-2.0 */
#include "dwarf/supplement.h"

#include <libdwarf/dwarf.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cursor.h"
#include "dwarf/bytes.h"
#include "dwarf/entries.h"
#include "dwarf/guard.h"
#include "elf/beside.h"
#include "elf/debugfile.h"
#include "error.h"

/* The one that an image needs. */
struct link {
    const char *name; /* the image's; NULL: it needs none */
    const uint8_t *id;
    size_t id_size;
};

/* What a supplementary file has. */
static const enum hf_joined_section sections[] = {HF_JOINED_INFO, HF_JOINED_ABBREVIATIONS, HF_JOINED_STRINGS,
                                                  HF_JOINED_LINES, HF_JOINED_LINE_STRINGS};

struct join {
    const struct hf_image *image;
    struct hf_image other;
    struct hf_joined *joined;
    size_t at[HF_JOINED_COUNT]; /* where the other's part begins */
    bool supplementary;         /* the unit that is walked through lies there */
};

/* A name, and an id behind it: in the standard form behind its size, else up to the end. "" where that is damaged. */
static struct link parse_link(struct hf_cursor *cursor, bool sized)
{
    const char *name = (const char *)cursor->bytes + cursor->position;

    hf_cursor_bytes(cursor, strnlen(name, cursor->size - cursor->position) + 1);
    size_t size = sized ? (size_t)hf_bytes_leb(cursor) : cursor->size - cursor->position;
    struct link link = {.name = name, .id = hf_cursor_bytes(cursor, size), .id_size = size};
    return cursor->failed || !link.id ? (struct link){.name = ""} : link;
}

/* .debug_sup says first whether it is that of a supplementary file, or of one that needs it. */
static struct link read_standard_link(const struct hf_image *image, bool of_supplement)
{
    struct hf_bytes bytes;
    struct hf_cursor cursor;

    if (!hf_bytes_load(image, ".debug_sup", &bytes))
        return (struct link){.name = NULL};
    hf_cursor_init(&cursor, bytes.begin, bytes.size);
    uint16_t version = hf_cursor_u16(&cursor);
    bool is_supplement = hf_cursor_u8(&cursor) != 0;
    if (cursor.failed || version != 5 || is_supplement != of_supplement)
        return (struct link){.name = NULL};
    return parse_link(&cursor, true);
}

static struct link read_link(const struct hf_image *image)
{
    struct hf_bytes bytes;
    struct hf_cursor cursor;

    if (!hf_bytes_load(image, ".gnu_debugaltlink", &bytes) || bytes.size == 0)
        return read_standard_link(image, false);
    hf_cursor_init(&cursor, bytes.begin, bytes.size);
    return parse_link(&cursor, false);
}

/* dwz gives its file a build-id; with --dwarf-5 the file says its id as the others do. */
static bool has_id(const struct hf_image *image, const struct link *link)
{
    struct link own = {.id = image->build_id.bytes, .id_size = image->build_id.size};

    if (own.id_size == 0)
        own = read_standard_link(image, true);
    return own.id && own.id_size == link->id_size && memcmp(own.id, link->id, link->id_size) == 0;
}

/* One candidate: whether it was opened and is the one. */
static bool try_file(const struct hf_image *image, const struct link *link, const char *path, struct hf_image *other)
{
    if (access(path, F_OK) != 0 || hf_image_open(path, other, NULL) != 0)
        return false;
    if (hf_beside_believed(image, other->fd) && has_id(other, link))
        return true;
    hf_image_close(other);
    return false;
}

/* 1: found; 0: not, *note says so; -1: out of memory. */
static int find_file(const struct hf_image *image, const struct link *link, const char *root, struct hf_image *other,
                     char **note)
{
    HF_FREE char *whole = realpath(image->path, NULL);
    HF_FREE char *named = NULL;
    HF_FREE char *by_id = NULL;
    char hex[2 * HF_BUILD_ID_MAX + 1];
    bool relative = link->name[0] != '/' && whole;

    if (link->id_size < 2 || link->id_size > HF_BUILD_ID_MAX)
        return asprintf(note, "%s was compressed with dwz, and where the other part is cannot be read", image->path) < 0
                   ? -1
                   : 0;
    hf_hex_encode(link->id, link->id_size, hex);
    if (asprintf(&named, "%s%s%s", relative ? dirname(whole) : "", relative ? "/" : "", link->name) < 0 ||
        asprintf(&by_id, "%s/.build-id/%.2s/%s.debug", root, hex, hex + 2) < 0)
        return -1;
    if (try_file(image, link, named, other) || try_file(image, link, by_id, other))
        return 1;
    return asprintf(note,
                    "%s was compressed with dwz: part of its debug information is in another file, %s of build-id %s, "
                    "which was not found there, or belongs to another user; install it, or use the file as it was "
                    "before dwz",
                    image->path, named, hex) < 0
               ? -1
               : 0;
}

/* The section that an attribute's offset is of, and that it must be moved in; HF_JOINED_COUNT: none. */
static enum hf_joined_section moved_in(const struct join *join, const struct hf_bytes_attribute *attribute)
{
    switch (attribute->form) {
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_ref_sup4:
        return HF_JOINED_INFO;
    case DW_FORM_GNU_strp_alt:
    case DW_FORM_strp_sup:
        return HF_JOINED_STRINGS;
    case DW_FORM_ref_addr:
        return join->supplementary ? HF_JOINED_INFO : HF_JOINED_COUNT;
    case DW_FORM_strp:
        return join->supplementary ? HF_JOINED_STRINGS : HF_JOINED_COUNT;
    case DW_FORM_line_strp:
        return join->supplementary ? HF_JOINED_LINE_STRINGS : HF_JOINED_COUNT;
    case DW_FORM_sec_offset:
        return join->supplementary && attribute->name == DW_AT_stmt_list ? HF_JOINED_LINES : HF_JOINED_COUNT;
    default:
        return HF_JOINED_COUNT;
    }
}

/* Adds to an offset what lies before the supplementary file's part of its section. */
static bool move_value(const struct hf_entries *entries, const struct hf_bytes_attribute *attribute, size_t position,
                       size_t size, void *arg)
{
    struct join *join = arg;
    enum hf_joined_section in = moved_in(join, attribute);
    struct hf_cursor cursor;

    if (in == HF_JOINED_COUNT)
        return true;
    hf_cursor_init(&cursor, entries->unit.begin + position, size);
    uint64_t value = size == 8 ? hf_cursor_u64(&cursor) : hf_cursor_u32(&cursor);
    value += join->at[in];
    if (size != entries->offset_size || (size == 4 && value > UINT32_MAX))
        return false;
    hf_put((uint8_t *)entries->unit.begin + position, value, size);
    return true;
}

/* A unit of the joined section: its table of abbreviations is still where it was. */
static bool move_unit(struct join *join, const struct hf_bytes *bytes, bool wide)
{
    const struct hf_bytes *tables = &(const struct hf_bytes){
        .begin = join->joined->sections[HF_JOINED_ABBREVIATIONS].bytes,
        .size = join->joined->sections[HF_JOINED_ABBREVIATIONS].size,
    };
    size_t before = join->supplementary ? join->at[HF_JOINED_ABBREVIATIONS] : 0;
    const struct hf_bytes own = {.begin = tables->begin + before, .size = tables->size - before};
    struct hf_entries entries;

    bool moved =
        hf_entries_init(&entries, bytes, wide, &own) && hf_entries_walk(&entries, entries.first, move_value, join);
    if (moved)
        hf_put((uint8_t *)bytes->begin + entries.table_position, entries.table_offset + before, entries.offset_size);
    hf_entries_deinit(&entries);
    return moved;
}

static bool move_units(struct join *join)
{
    struct hf_cursor section;
    struct hf_bytes bytes;
    bool wide;

    hf_cursor_init(&section, join->joined->sections[HF_JOINED_INFO].bytes, join->joined->sections[HF_JOINED_INFO].size);
    while (!hf_cursor_done(&section)) {
        join->supplementary = section.position >= join->at[HF_JOINED_INFO];
        if (!hf_bytes_part(&section, &bytes, &wide) || !move_unit(join, &bytes, wide))
            return false;
    }
    return true;
}

/* A number in exactly as many bytes as there were. */
static void put_leb(uint8_t *out, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++, value >>= 7)
        out[i] = (uint8_t)((value & 0x7f) | (i + 1 < size ? 0x80 : 0));
}

/* Forms that refer to another file become those that refer to this one; no others have as many bytes. */
static bool change_forms(struct join *join)
{
    struct hf_cursor section;
    struct hf_bytes_attribute attribute;

    hf_cursor_init(&section, join->joined->sections[HF_JOINED_ABBREVIATIONS].bytes, join->at[HF_JOINED_ABBREVIATIONS]);
    while (!hf_cursor_done(&section) && !section.failed) {
        if (hf_bytes_abbreviation(&section) == 0)
            continue;
        while (hf_bytes_attribute(&section, &attribute)) {
            uint8_t *out = join->joined->sections[HF_JOINED_ABBREVIATIONS].bytes + attribute.form_begin;
            size_t size = attribute.form_end - attribute.form_begin;
            if (attribute.form == DW_FORM_GNU_ref_alt || attribute.form == DW_FORM_ref_sup4)
                put_leb(out, size, DW_FORM_ref_addr);
            else if (attribute.form == DW_FORM_GNU_strp_alt || attribute.form == DW_FORM_strp_sup)
                put_leb(out, size, DW_FORM_strp);
        }
    }
    return !section.failed;
}

/* 1: both files' sections are at hand; 0: they cannot be joined; -1: out of memory. */
static int prepare(struct join *join)
{
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        struct hf_bytes others;
        if (!hf_bytes_load(&join->other, hf_joined_names[sections[i]], &others) ||
            (sections[i] == HF_JOINED_LINES && !hf_guard_lines(&others)))
            return 0;
        if (hf_joined_append(join->joined, join->image, sections[i], &others, &join->at[sections[i]]) != 0)
            return -1;
    }
    return join->at[HF_JOINED_INFO] > 0 && join->at[HF_JOINED_ABBREVIATIONS] > 0 &&
           join->joined->sections[HF_JOINED_INFO].size > join->at[HF_JOINED_INFO] &&
           !hf_image_section(join->image, ".debug_types", NULL);
}

static int join_files(struct join *join, char **note, struct hotfix_error *err)
{
    int ready = prepare(join);

    if (ready < 0)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory for debug information", join->image->path);
    if (ready == 0)
        return asprintf(note,
                        "%s was compressed with dwz, in a way that is not read; use the file as it was before dwz",
                        join->image->path) < 0
                   ? hf_error(err, HOTFIX_MEMORY, "%s: out of memory", join->image->path)
                   : 0;
    if (!move_units(join) || !change_forms(join))
        return hf_error(err, HOTFIX_FORMAT, "%s: damaged debug information, or that of its supplementary file %s",
                        join->image->path, join->other.path);
    return 0;
}

int hf_supplement_open(const struct hf_image *image, const char *root, struct hf_joined **joined, char **note,
                       struct hotfix_error *err)
{
    struct join join = {.image = image};
    struct link link = read_link(image);

    *joined = NULL;
    *note = NULL;
    if (!link.name)
        return 0;
    int found = find_file(image, &link, root, &join.other, note);
    if (found == 0)
        return 0;
    join.joined = found > 0 ? calloc(1, sizeof(*join.joined)) : NULL;
    int result = join.joined ? join_files(&join, note, err)
                             : hf_error(err, HOTFIX_MEMORY, "%s: out of memory for debug information", image->path);
    if (found > 0)
        hf_image_close(&join.other);
    if (result == 0 && !*note)
        *joined = join.joined;
    else
        hf_joined_free(join.joined);
    return result;
}
