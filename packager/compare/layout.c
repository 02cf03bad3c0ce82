/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/layout.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dwarf/qualified.h"
#include "error.h"
#include "object/debuginfo.h"
#include "types/difference.h"

/* A structure or union outside of functions, or the typedef of one that has no tag. */
struct layout {
    char *name; /* "struct order", "struct app::Conf", "order_t" */
    uint64_t offset;
};

struct layouts {
    struct hf_debuginfo *info;
    struct layout *items;
    size_t count;
};

static void layouts_deinit(struct layouts *layouts)
{
    for (size_t i = 0; i < layouts->count; i++)
        free(layouts->items[i].name);
    free(layouts->items);
    hf_debuginfo_close(layouts->info);
}
#define HF_LAYOUTS __attribute__((cleanup(layouts_deinit)))

/* A unit that is read: types of functions are their own business. */
struct unit {
    struct layouts *layouts;
    Dwarf_Debug dwarf;
};

static int read_type(Dwarf_Die die, const char *name, void *arg)
{
    const struct unit *unit = arg;
    struct layouts *layouts = unit->layouts;
    HF_TYPE struct hf_type type = {.die = NULL};
    Dwarf_Half tag = hf_die_tag(die);
    bool named =
        tag == DW_TAG_typedef || tag == DW_TAG_structure_type || tag == DW_TAG_union_type || tag == DW_TAG_class_type;

    if (!named || hf_type_from(unit->dwarf, die, &type) != 0 || !type.name || type.alias != (tag == DW_TAG_typedef))
        return 0;
    if ((type.tag != DW_TAG_structure_type && type.tag != DW_TAG_union_type) || !hf_type_is_definition(&type))
        return 0;
    type.name = name;
    struct layout *grown = reallocarray(layouts->items, layouts->count + 1, sizeof(*grown));
    if (!grown)
        return -1;
    layouts->items = grown;
    grown[layouts->count] = (struct layout){.name = hf_type_label(&type), .offset = hf_die_offset(die)};
    return grown[layouts->count++].name ? 0 : -1;
}

static int read_unit(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg)
{
    struct unit read = {.layouts = arg, .dwarf = dwarf};

    return hf_qualified_walk(dwarf, unit, false, read_type, &read);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct layout *)a)->name, ((const struct layout *)b)->name);
}

static int read_layouts(const struct hf_object *object, struct layouts *layouts, struct hotfix_error *err)
{
    if (hf_debuginfo_open(object, &layouts->info, err) != 0)
        return -1;
    if (layouts->info && hf_debuginfo_units(layouts->info, read_unit, layouts) != 0)
        return hf_error(err, HOTFIX_FORMAT, "%s: its debug information is damaged", object->path);
    if (layouts->count > 0)
        qsort(layouts->items, layouts->count, sizeof(*layouts->items), by_name);
    return 0;
}

static void compare(struct hf_comparison *comparison, const struct layouts *before, const struct layout *after)
{
    const struct layout *old = bsearch(after, before->items, before->count, sizeof(*before->items), by_name);
    HF_DIE Dwarf_Die left = old ? hf_die_at(comparison->before, old->offset) : NULL;
    HF_DIE Dwarf_Die right = old ? hf_die_at(comparison->after, after->offset) : NULL;

    if (left && right)
        hf_comparison_types(comparison, left, right);
}

/* A structure that holds one that grew differs, too, but says less of what changed. */
static const struct hf_difference *choose(const struct hf_comparison *comparison)
{
    for (size_t i = 0; i < comparison->difference_count; i++)
        if (comparison->differences[i].member)
            return &comparison->differences[i];
    return comparison->differences;
}

static int refuse(const struct hf_object *object, const struct hf_difference *difference, struct hotfix_error *err)
{
    hf_error(err, HOTFIX_INCOMPATIBLE, "%s: the layout of '%s' changed, and the program may hold objects of it",
             object->name, difference->type);
    struct hotfix_error what = *err;
    if (difference->member)
        return hf_error(err, what.code, "%s: member '%s' is %s", what.message, difference->member,
                        difference->gone ? "gone" : "new; keep it in shadow data instead, see hotfix(3)");
    return hf_error(err, what.code, "%s: %s", what.message, difference->what);
}

int hf_layouts_check(const struct hf_object *before, const struct hf_object *after, struct hotfix_error *err)
{
    HF_LAYOUTS struct layouts left = {.count = 0};
    HF_LAYOUTS struct layouts right = {.count = 0};
    HF_COMPARISON struct hf_comparison comparison = {.flat = true};

    if (read_layouts(before, &left, err) != 0 || read_layouts(after, &right, err) != 0)
        return -1;
    if (left.count == 0 || right.count == 0)
        return 0;
    comparison.before = left.info->dwarf;
    comparison.after = right.info->dwarf;
    for (size_t i = 0; i < right.count; i++)
        compare(&comparison, &left, &right.items[i]);
    if (comparison.failed)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", after->path);
    return comparison.difference_count > 0 ? refuse(after, choose(&comparison), err) : 0;
}
