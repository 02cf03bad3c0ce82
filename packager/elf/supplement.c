/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/supplement.h"

#include <libdwarf/dwarf.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cursor.h"
#include "elf/bytes.h"
#include "elf/debugfile.h"
#include "error.h"

enum section { INFO, ABBREVIATIONS, STRINGS, LINES, LINE_STRINGS, SECTION_COUNT };

static const char *const section_names[SECTION_COUNT] = {".debug_info", ".debug_abbrev", ".debug_str", ".debug_line",
                                                         ".debug_line_str"};

struct hf_supplement {
    uint8_t *joined[SECTION_COUNT]; /* the image's section and the file's behind it; NULL where the file has none */
    size_t sizes[SECTION_COUNT];
};

/* The one that an image needs. */
struct link {
    const char *name; /* the image's; NULL: it needs none */
    const uint8_t *id;
    size_t id_size;
};

struct join {
    const struct hf_image *image;
    struct hf_image other;
    struct hf_bytes own[SECTION_COUNT], others[SECTION_COUNT];
    struct hf_supplement *made;
};

/* Where an abbreviation's attributes are. */
struct abbreviation {
    uint64_t code;
    size_t position;
};

/* A unit whose references are changed. */
struct unit {
    struct join *join;
    struct hf_cursor entries;
    size_t begin;          /* of the entries' bytes, in the joined section */
    struct hf_bytes table; /* its abbreviations', and what follows */
    struct abbreviation *abbreviations;
    size_t abbreviation_count;
    uint16_t version;
    uint8_t address_size;
    uint8_t offset_size;
    bool supplementary;
};

/* .gnu_debugaltlink: a name and a build-id. .debug_sup: version, which of the two it is, name, and the id's size. */
static struct link read_link(const struct hf_image *image)
{
    struct link link = {.name = NULL};
    struct hf_bytes bytes;
    struct hf_cursor cursor;
    bool standard = false;

    if (!hf_bytes_load(image, ".gnu_debugaltlink", &bytes) || bytes.size == 0) {
        standard = true;
        if (!hf_bytes_load(image, ".debug_sup", &bytes) || bytes.size == 0)
            return link;
    }
    hf_cursor_init(&cursor, bytes.begin, bytes.size);
    if (standard && (hf_cursor_u16(&cursor) != 5 || hf_cursor_u8(&cursor) != 0))
        return link;
    const char *name = (const char *)bytes.begin + cursor.position;
    hf_cursor_bytes(&cursor, strnlen(name, bytes.size - cursor.position) + 1);
    size_t size = standard ? (size_t)hf_bytes_leb(&cursor) : bytes.size - cursor.position;
    link.name = name;
    link.id_size = size;
    link.id = hf_cursor_bytes(&cursor, size);
    if (cursor.failed || !link.id)
        link = (struct link){.name = ""};
    return link;
}

/* Told by its own id: what the standard form calls a checksum is kept there twice. */
static bool has_id(const struct hf_image *image, const struct link *link)
{
    struct hf_bytes bytes;
    struct hf_cursor cursor;

    if (image->build_id.size > 0)
        return image->build_id.size == link->id_size && memcmp(image->build_id.bytes, link->id, link->id_size) == 0;
    if (!hf_bytes_load(image, ".debug_sup", &bytes) || bytes.size == 0)
        return false;
    hf_cursor_init(&cursor, bytes.begin, bytes.size);
    if (hf_cursor_u16(&cursor) != 5 || hf_cursor_u8(&cursor) != 1)
        return false;
    hf_cursor_bytes(&cursor, strnlen((const char *)bytes.begin + 3, bytes.size - 3) + 1);
    uint64_t size = hf_bytes_leb(&cursor);
    const uint8_t *id = size == link->id_size ? hf_cursor_bytes(&cursor, (size_t)size) : NULL;
    return id && memcmp(id, link->id, link->id_size) == 0;
}

/* One candidate: whether it was opened and is the one. */
static bool try_file(const struct link *link, const char *path, struct hf_image *other)
{
    if (access(path, F_OK) != 0 || hf_image_open(path, other, NULL) != 0)
        return false;
    if (has_id(other, link))
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
    if (try_file(link, named, other) || try_file(link, by_id, other))
        return 1;
    return asprintf(note,
                    "%s was compressed with dwz: part of its debug information is in another file, %s of build-id %s, "
                    "which was not found there; install it, or use the file as it was before dwz",
                    image->path, named, hex) < 0
               ? -1
               : 0;
}

/* Sizes of forms that are always the same; 0 for others (DWARF 5, section 7.5.6). */
static size_t fixed_size(uint64_t form)
{
    switch (form) {
    case DW_FORM_data1:
    case DW_FORM_flag:
    case DW_FORM_ref1:
    case DW_FORM_strx1:
    case DW_FORM_addrx1:
        return 1;
    case DW_FORM_data2:
    case DW_FORM_ref2:
    case DW_FORM_strx2:
    case DW_FORM_addrx2:
        return 2;
    case DW_FORM_strx3:
    case DW_FORM_addrx3:
        return 3;
    case DW_FORM_data4:
    case DW_FORM_ref4:
    case DW_FORM_ref_sup4:
    case DW_FORM_strx4:
    case DW_FORM_addrx4:
        return 4;
    case DW_FORM_data8:
    case DW_FORM_ref8:
    case DW_FORM_ref_sig8:
        return 8;
    case DW_FORM_data16:
        return 16;
    default:
        return 0;
    }
}

/* Those that say their own size. False for forms that are not known. */
static bool skip_varying(struct hf_cursor *entries, uint64_t form)
{
    switch (form) {
    case DW_FORM_flag_present:
    case DW_FORM_implicit_const:
        return true;
    case DW_FORM_string:
        while (hf_cursor_u8(entries))
            ;
        return true;
    case DW_FORM_block1:
        return hf_cursor_bytes(entries, hf_cursor_u8(entries)) != NULL;
    case DW_FORM_block2:
        return hf_cursor_bytes(entries, hf_cursor_u16(entries)) != NULL;
    case DW_FORM_block4:
        return hf_cursor_bytes(entries, hf_cursor_u32(entries)) != NULL;
    case DW_FORM_block:
    case DW_FORM_exprloc:
        return hf_cursor_bytes(entries, (size_t)hf_bytes_leb(entries)) != NULL;
    case DW_FORM_sdata:
    case DW_FORM_udata:
    case DW_FORM_ref_udata:
    case DW_FORM_strx:
    case DW_FORM_addrx:
    case DW_FORM_loclistx:
    case DW_FORM_rnglistx:
        hf_bytes_leb(entries);
        return true;
    default:
        return false;
    }
}

/* The section that an attribute's offset is of, and that it must be moved in; SECTION_COUNT: none. */
static enum section moved_in(const struct unit *unit, const struct hf_bytes_attribute *attribute)
{
    switch (attribute->form) {
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_ref_sup4:
        return INFO;
    case DW_FORM_GNU_strp_alt:
    case DW_FORM_strp_sup:
        return STRINGS;
    case DW_FORM_ref_addr:
        return unit->supplementary ? INFO : SECTION_COUNT;
    case DW_FORM_strp:
        return unit->supplementary ? STRINGS : SECTION_COUNT;
    case DW_FORM_line_strp:
        return unit->supplementary ? LINE_STRINGS : SECTION_COUNT;
    case DW_FORM_sec_offset:
        return unit->supplementary && attribute->name == DW_AT_stmt_list ? LINES : SECTION_COUNT;
    default:
        return SECTION_COUNT;
    }
}

static bool is_offset(uint64_t form)
{
    return form == DW_FORM_GNU_ref_alt || form == DW_FORM_GNU_strp_alt || form == DW_FORM_strp_sup ||
           form == DW_FORM_ref_addr || form == DW_FORM_strp || form == DW_FORM_line_strp || form == DW_FORM_sec_offset;
}

/* Adds to an offset what lies before the supplementary file's part of its section. */
static bool move_offset(struct unit *unit, size_t size, enum section in)
{
    size_t at = unit->begin + unit->entries.position;
    uint64_t value = size == 8 ? hf_cursor_u64(&unit->entries) : hf_cursor_u32(&unit->entries);

    if (in == SECTION_COUNT)
        return !unit->entries.failed;
    value += unit->join->own[in].size;
    if (unit->entries.failed || (size == 4 && value > UINT32_MAX))
        return false;
    hf_put(unit->join->made->joined[INFO] + at, value, size);
    return true;
}

static bool move_attribute(struct unit *unit, const struct hf_bytes_attribute *attribute)
{
    size_t size = fixed_size(attribute->form);

    if (attribute->form == DW_FORM_addr)
        size = unit->address_size;
    else if (is_offset(attribute->form))
        return move_offset(unit, unit->offset_size, moved_in(unit, attribute));
    else if (attribute->form == DW_FORM_ref_sup4)
        return unit->offset_size == 4 && move_offset(unit, 4, INFO);
    if (size > 0)
        return hf_cursor_bytes(&unit->entries, size) != NULL;
    return skip_varying(&unit->entries, attribute->form);
}

/* Memory that is out is told like damage. */
static bool read_abbreviations(struct unit *unit)
{
    struct hf_cursor cursor;
    struct hf_bytes_attribute attribute;

    hf_cursor_init(&cursor, unit->table.begin, unit->table.size);
    for (uint64_t code; (code = hf_bytes_abbreviation(&cursor)) != 0;) {
        size_t count = unit->abbreviation_count;
        if ((count & (count - 1)) == 0) {
            struct abbreviation *grown = reallocarray(unit->abbreviations, count ? 2 * count : 1, sizeof(*grown));
            if (!grown)
                return false;
            unit->abbreviations = grown;
        }
        unit->abbreviations[unit->abbreviation_count++] = (struct abbreviation){code, cursor.position};
        while (hf_bytes_attribute(&cursor, &attribute))
            ;
    }
    return !cursor.failed;
}

/* Puts a cursor before the attributes of an abbreviation. Most are numbered from 1 on. */
static bool find_abbreviation(const struct unit *unit, uint64_t code, struct hf_cursor *cursor)
{
    size_t found = (size_t)code - 1;

    if (code > unit->abbreviation_count || unit->abbreviations[found].code != code)
        for (found = 0; found < unit->abbreviation_count && unit->abbreviations[found].code != code;)
            found++;
    if (found == unit->abbreviation_count)
        return false;
    hf_cursor_init(cursor, unit->table.begin, unit->table.size);
    cursor->position = unit->abbreviations[found].position;
    return true;
}

static bool move_entries(struct unit *unit)
{
    struct hf_cursor abbreviation;
    struct hf_bytes_attribute attribute;

    while (!hf_cursor_done(&unit->entries)) {
        uint64_t code = hf_bytes_leb(&unit->entries);
        if (unit->entries.failed)
            return false;
        if (code == 0)
            continue;
        if (!find_abbreviation(unit, code, &abbreviation))
            return false;
        while (hf_bytes_attribute(&abbreviation, &attribute))
            if (!move_attribute(unit, &attribute))
                return false;
        if (abbreviation.failed)
            return false;
    }
    return true;
}

/* What a unit's header says (DWARF 5, section 7.5.1), with its table of abbreviations moved. */
static bool begin_unit(struct unit *unit, const struct hf_bytes *bytes, bool wide)
{
    struct join *join = unit->join;
    struct hf_cursor *entries = &unit->entries;
    uint8_t type = DW_UT_compile;

    hf_cursor_init(entries, bytes->begin, bytes->size);
    unit->begin = (size_t)(bytes->begin - join->made->joined[INFO]);
    unit->offset_size = wide ? 8 : 4;
    unit->version = hf_cursor_u16(entries);
    if (unit->version >= 5) {
        type = hf_cursor_u8(entries);
        unit->address_size = hf_cursor_u8(entries);
    }
    size_t at = unit->begin + entries->position;
    uint64_t table = wide ? hf_cursor_u64(entries) : hf_cursor_u32(entries);
    if (unit->version < 5)
        unit->address_size = hf_cursor_u8(entries);
    if (type == DW_UT_type)
        hf_cursor_bytes(entries, 8u + unit->offset_size);
    else if (type == DW_UT_skeleton)
        hf_cursor_bytes(entries, 8);
    const struct hf_bytes *tables = unit->supplementary ? &join->others[ABBREVIATIONS] : &join->own[ABBREVIATIONS];
    if (entries->failed || unit->version < 3 || unit->version > 5 || table >= tables->size)
        return false;
    unit->table = (struct hf_bytes){.begin = tables->begin + table, .size = tables->size - table};
    if (unit->supplementary)
        hf_put(join->made->joined[INFO] + at, table + join->own[ABBREVIATIONS].size, unit->offset_size);
    return true;
}

static bool move_units(struct join *join)
{
    struct hf_cursor section;
    struct hf_bytes bytes;
    bool wide;

    hf_cursor_init(&section, join->made->joined[INFO], join->own[INFO].size + join->others[INFO].size);
    while (!hf_cursor_done(&section)) {
        struct unit unit = {.join = join, .supplementary = section.position >= join->own[INFO].size};
        bool moved = hf_bytes_part(&section, &bytes, &wide) && begin_unit(&unit, &bytes, wide) &&
                     read_abbreviations(&unit) && move_entries(&unit);
        free(unit.abbreviations);
        if (!moved)
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

    hf_cursor_init(&section, join->own[ABBREVIATIONS].begin, join->own[ABBREVIATIONS].size);
    while (!hf_cursor_done(&section) && !section.failed) {
        if (hf_bytes_abbreviation(&section) == 0)
            continue;
        while (hf_bytes_attribute(&section, &attribute)) {
            uint8_t *out = join->made->joined[ABBREVIATIONS] + attribute.form_begin;
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
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        struct hf_bytes *own = &join->own[i], *others = &join->others[i];
        if (!hf_bytes_load(join->image, section_names[i], own) ||
            !hf_bytes_load(&join->other, section_names[i], others))
            return 0;
        if (others->size == 0 && i != INFO && i != ABBREVIATIONS)
            continue;
        uint8_t *joined = join->made->joined[i] = malloc(own->size + others->size + 1);
        if (!joined)
            return -1;
        join->made->sizes[i] = own->size + others->size;
        if (own->size > 0)
            memcpy(joined, own->begin, own->size);
        if (others->size > 0)
            memcpy(joined + own->size, others->begin, others->size);
    }
    return join->own[INFO].size > 0 && join->own[ABBREVIATIONS].size > 0 && join->others[INFO].size > 0 &&
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

int hf_supplement_open(const struct hf_image *image, const char *root, struct hf_supplement **supplement, char **note,
                       struct hotfix_error *err)
{
    struct join join = {.image = image};
    struct link link = read_link(image);

    *supplement = NULL;
    *note = NULL;
    if (!link.name)
        return 0;
    int found = find_file(image, &link, root, &join.other, note);
    if (found == 0)
        return 0;
    join.made = found > 0 ? calloc(1, sizeof(*join.made)) : NULL;
    int result = join.made ? join_files(&join, note, err)
                           : hf_error(err, HOTFIX_MEMORY, "%s: out of memory for debug information", image->path);
    if (found > 0)
        hf_image_close(&join.other);
    if (result != 0 || *note) {
        hf_supplement_close(join.made);
        return result;
    }
    *supplement = join.made;
    return 0;
}

const char *hf_supplement_section(const struct hf_supplement *supplement, size_t index, struct hf_bytes *bytes)
{
    if (index >= SECTION_COUNT)
        return NULL;
    *bytes = (struct hf_bytes){.begin = supplement->joined[index], .size = supplement->sizes[index]};
    return section_names[index];
}

void hf_supplement_close(struct hf_supplement *supplement)
{
    for (size_t i = 0; supplement && i < SECTION_COUNT; i++)
        free(supplement->joined[i]);
    free(supplement);
}
