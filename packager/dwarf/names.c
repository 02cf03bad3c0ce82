/* SPDX-License-Identifier: Apache-2.0 */
#include "dwarf/names.h"

#include <stdlib.h>
#include <string.h>

#include "dwarf/qualified.h"
#include "error.h"

#define MAX_IMPORTS 8 /* partial units that import partial units */

struct hf_name_entry {
    enum hf_name_space space;
    char *name;
    uint64_t offset;
    bool declaration;
};

enum hf_name_space hf_name_space(Dwarf_Half tag)
{
    switch (tag) {
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type:
        return HF_NAME_TAG;
    case DW_TAG_typedef:
        return HF_NAME_TYPEDEF;
    case DW_TAG_variable:
        return HF_NAME_VARIABLE;
    default:
        return HF_NAME_NONE;
    }
}

static int add(struct hf_names *names, enum hf_name_space space, const char *name, Dwarf_Die die)
{
    /* Doubles where the count reaches a power of two. */
    if ((names->count & (names->count - 1)) == 0) {
        struct hf_name_entry *grown = reallocarray(names->items, names->count ? 2 * names->count : 1, sizeof(*grown));
        if (!grown)
            return -1;
        names->items = grown;
    }
    struct hf_name_entry *entry = &names->items[names->count];
    *entry = (struct hf_name_entry){.space = space,
                                    .name = strdup(name),
                                    .offset = hf_die_offset(die),
                                    .declaration = hf_die_has(die, DW_AT_declaration)};
    names->count += entry->name != NULL;
    return entry->name ? 0 : -1;
}

static int add_entry(Dwarf_Die die, const char *name, void *arg)
{
    enum hf_name_space space = hf_name_space(hf_die_tag(die));
    const char *linkage = space == HF_NAME_VARIABLE ? hf_die_text(die, DW_AT_linkage_name) : NULL;

    return add(arg, space, name, die) == 0 && (!linkage || add(arg, space, linkage, die) == 0) ? 0 : -1;
}

static int read_entries(Dwarf_Debug dwarf, Dwarf_Die unit, struct hf_names *names, unsigned depth,
                        struct hotfix_error *err)
{
    HF_DIE Dwarf_Die die = NULL;
    int more;

    while ((more = hf_die_next(dwarf, unit, &die)) > 0) {
        if (hf_die_tag(die) != DW_TAG_imported_unit)
            continue;
        HF_DIE Dwarf_Die imported = depth < MAX_IMPORTS ? hf_die_refer(dwarf, die, DW_AT_import) : NULL;
        if (imported && read_entries(dwarf, imported, names, depth + 1, err) != 0)
            return -1;
    }
    if (more < 0 || hf_qualified_walk(dwarf, unit, true, add_entry, names) < 0)
        return hf_error(err, HOTFIX_FORMAT, "damaged debug information near offset %#llx of .debug_info",
                        (unsigned long long)hf_die_offset(unit));
    return 0;
}

static int compare_names(const struct hf_name_entry *entry, enum hf_name_space space, const char *name)
{
    if (entry->space != space)
        return entry->space < space ? -1 : 1;
    return strcmp(entry->name, name);
}

static int compare_entries(const void *a, const void *b)
{
    const struct hf_name_entry *first = a, *second = b;
    int order = compare_names(first, second->space, second->name);

    if (order == 0)
        order = first->declaration - second->declaration;
    if (order == 0)
        order = first->offset < second->offset ? -1 : first->offset > second->offset;
    return order;
}

int hf_names_read(struct hf_dwarf *dwarf, size_t unit, struct hf_names *names, struct hotfix_error *err)
{
    struct hf_names read = {.count = 0};

    hf_dwarf_enter(dwarf, unit);
    HF_DIE Dwarf_Die die = hf_die_at(dwarf->handle, dwarf->units[unit].offset);
    if (die && read_entries(dwarf->handle, die, &read, 0, err) != 0) {
        hf_names_deinit(&read);
        return -1;
    }
    if (read.count)
        qsort(read.items, read.count, sizeof(*read.items), compare_entries);
    *names = read;
    return 0;
}

void hf_names_deinit(struct hf_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i].name);
    free(names->items);
    *names = (struct hf_names){.count = 0};
}

uint64_t hf_names_find(const struct hf_names *names, enum hf_name_space space, const char *name, bool *declaration)
{
    size_t low = 0, high = names->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_names(&names->items[middle], space, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < names->count && compare_names(&names->items[low], space, name) == 0;
    if (found && declaration)
        *declaration = names->items[low].declaration;
    return found ? names->items[low].offset : HF_DIE_NONE;
}

int hf_names_ask_static(struct hf_dwarf *dwarf, size_t unit, struct hf_asked *asked, struct hotfix_error *err)
{
    hf_dwarf_enter(dwarf, unit);
    HF_DIE Dwarf_Die top = hf_die_at(dwarf->handle, dwarf->units[unit].offset);
    HF_DIE Dwarf_Die child = NULL;
    int more = 0;

    while (top && (more = hf_die_next(dwarf->handle, top, &child)) > 0) {
        const char *name = hf_die_tag(child) == DW_TAG_variable && !hf_die_has(child, DW_AT_external)
                               ? hf_die_text(child, DW_AT_name)
                               : NULL;
        if (name && hf_asked_add(asked, name) != 0)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    return more == 0 ? 0 : hf_error(err, HOTFIX_FORMAT, "its debug information is damaged");
}
