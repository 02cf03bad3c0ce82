/* SPDX-License-Identifier: Apache-2.0 */
#include "object/inlined.h"

#include <stdlib.h>
#include <string.h>

#include "dwarf/die.h"
#include "error.h"
#include "object/debuginfo.h"

#define MAX_DEPTH 256 /* scopes within scopes */

/* One unit being read. */
struct reading {
    struct hf_inlined *inlined;
    const struct hf_object *object;
    Dwarf_Debug dwarf;
    char **files; /* of the unit's line table */
    Dwarf_Signed file_count;
    Dwarf_Half version;
};

void hf_inlined_deinit(struct hf_inlined *inlined)
{
    for (size_t i = 0; i < inlined->count; i++)
        free(inlined->items[i].function);
    free(inlined->items);
    *inlined = (struct hf_inlined){.count = 0};
}

static int add(struct hf_inlined *inlined, const struct hf_part *part, const char *function, bool copy)
{
    /* Doubles where the count reaches a power of two. */
    if ((inlined->count & (inlined->count - 1)) == 0) {
        size_t room = inlined->count ? 2 * inlined->count : 1;
        struct hf_inlined_item *grown = reallocarray(inlined->items, room, sizeof(*grown));
        if (!grown)
            return -1;
        inlined->items = grown;
    }
    struct hf_inlined_item *item = &inlined->items[inlined->count];
    *item = (struct hf_inlined_item){part, strdup(function), copy};
    inlined->count += item->function != NULL;
    return item->function ? 0 : -1;
}

/* Is the entry declared in a header of the system? */
static bool is_of_system(const struct reading *reading, Dwarf_Die die)
{
    uint64_t file;

    if (!hf_die_number(die, DW_AT_decl_file, &file))
        return false;
    /* Files count from 1 before DWARF 5. */
    uint64_t index = reading->version >= 5 ? file : file - 1;
    const char *path = index < (uint64_t)reading->file_count ? reading->files[index] : "";
    return strncmp(path, "/usr/include/", 13) == 0 || strncmp(path, "/usr/lib/gcc", 12) == 0 ||
           strncmp(path, "/usr/lib/llvm", 13) == 0;
}

/* Notes the function that an entry stands for, through the entries that it is a copy of or completes. */
static int note(struct reading *reading, Dwarf_Die die, const struct hf_part *part, bool copy)
{
    HF_DIE Dwarf_Die origin = hf_die_refer(reading->dwarf, die, DW_AT_abstract_origin);
    HF_DIE Dwarf_Die declared = hf_die_refer(reading->dwarf, origin ? origin : die, DW_AT_specification);
    Dwarf_Die entries[] = {die, origin, declared};
    const char *linkage = NULL, *name = NULL;

    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        if (!entries[i])
            continue;
        if (is_of_system(reading, entries[i]))
            return 0;
        linkage = linkage ? linkage : hf_die_text(entries[i], DW_AT_linkage_name);
        name = name ? name : hf_die_text(entries[i], DW_AT_name);
    }
    name = linkage ? linkage : name;
    return name ? add(reading->inlined, part, name, copy) : 0;
}

/* The copies in a function, in its blocks and in each other. */
static int walk(struct reading *reading, Dwarf_Die parent, const struct hf_part *part, int depth)
{
    Dwarf_Die child = NULL;
    int more, failed = 0;

    while (!failed && (more = hf_die_next(reading->dwarf, parent, &child)) > 0) {
        Dwarf_Half tag = hf_die_tag(child);
        bool copy = tag == DW_TAG_inlined_subroutine;
        if (copy)
            failed = note(reading, child, part, true);
        if (!failed && (copy || tag == DW_TAG_lexical_block) && depth < MAX_DEPTH)
            failed = walk(reading, child, part, depth + 1);
    }
    if (failed)
        dwarf_dealloc_die(child);
    return failed ? -1 : more;
}

static int read_functions(struct reading *reading, Dwarf_Die parent, int depth)
{
    Dwarf_Die child = NULL;
    int more, failed = 0;

    while (!failed && (more = hf_die_next(reading->dwarf, parent, &child)) > 0) {
        Dwarf_Half tag = hf_die_tag(child);
        uint64_t entry = tag == DW_TAG_subprogram ? hf_die_entry(child) : HF_DIE_NONE, offset;
        const struct hf_part *part = entry == HF_DIE_NONE ? NULL : hf_debuginfo_part(reading->object, entry, &offset);
        bool scope = tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type;
        if (part)
            failed = note(reading, child, part, false) != 0 || walk(reading, child, part, 0) != 0;
        else if (scope && depth < MAX_DEPTH)
            failed = read_functions(reading, child, depth + 1);
    }
    if (failed)
        dwarf_dealloc_die(child);
    return failed ? -1 : more;
}

static int read_unit(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg)
{
    struct reading *reading = arg;
    Dwarf_Error error = NULL;
    Dwarf_Half offset_size;

    reading->dwarf = dwarf;
    reading->files = NULL;
    reading->file_count = 0;
    if (dwarf_get_version_of_die(unit, &reading->version, &offset_size) != DW_DLV_OK)
        return -1;
    if (dwarf_srcfiles(unit, &reading->files, &reading->file_count, &error) != DW_DLV_OK)
        reading->file_count = 0;
    int failed = read_functions(reading, unit, 0);
    for (Dwarf_Signed i = 0; i < reading->file_count; i++)
        dwarf_dealloc(dwarf, reading->files[i], DW_DLA_STRING);
    if (reading->file_count > 0)
        dwarf_dealloc(dwarf, reading->files, DW_DLA_LIST);
    return failed;
}

static int by_function(const void *a, const void *b)
{
    const struct hf_inlined_item *left = a, *right = b;
    int order = strcmp(left->function, right->function);

    return order != 0 ? order : left->copy - right->copy;
}

int hf_inlined_read(const struct hf_object *object, struct hf_inlined *inlined, struct hotfix_error *err)
{
    HF_DEBUGINFO struct hf_debuginfo *info = NULL;
    HF_INLINED struct hf_inlined read = {.count = 0};
    struct reading reading = {.inlined = &read, .object = object};

    if (hf_debuginfo_open(object, &info, err) != 0)
        return -1;
    if (info && hf_debuginfo_units(info, read_unit, &reading) != 0)
        return hf_error(err, HOTFIX_FORMAT, "%s: its debug information is damaged", object->path);
    if (read.count > 0)
        qsort(read.items, read.count, sizeof(*read.items), by_function);
    *inlined = read;
    read = (struct hf_inlined){.count = 0};
    return 0;
}

size_t hf_inlined_find(const struct hf_inlined *inlined, const char *function)
{
    size_t low = 0, high = inlined->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(inlined->items[middle].function, function) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < inlined->count && strcmp(inlined->items[low].function, function) == 0;
    return found ? low : inlined->count;
}
