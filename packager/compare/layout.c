/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dwarf/qualified.h"
#include "error.h"
#include "object/debuginfo.h"
#include "types/difference.h"

#define MAX_DEPTH 256 /* scopes within scopes */

/* An item with a name and a layout: a structure or union, the typedef of one without a tag, or a variable. */
struct layout {
    char *name;    /* "struct order", "struct app::Conf", "order_t"; with the function that it is declared in:
                      "parse/struct order" */
    bool variable; /* compared by its type, unless that is compared separately */
    uint64_t offset;
};

/* A named number. */
struct enumerator {
    char *name;
    int64_t value;
};

struct layouts {
    const struct hf_object *object;
    struct hf_debuginfo *info;
    struct layout *items;
    size_t count;
    struct enumerator *enumerators;
    size_t enumerator_count;
    const char *function; /* that is being read, "" at file scope */
};

static void layouts_deinit(struct layouts *layouts)
{
    for (size_t i = 0; i < layouts->count; i++)
        free(layouts->items[i].name);
    for (size_t i = 0; i < layouts->enumerator_count; i++)
        free(layouts->enumerators[i].name);
    free(layouts->items);
    free(layouts->enumerators);
    hf_debuginfo_close(layouts->info);
}
#define HF_LAYOUTS __attribute__((cleanup(layouts_deinit)))

/*
 * A unit whose types are read. Types in functions count only if static variables hold objects of them, since other
 * objects end with a call.
 */
struct unit {
    struct layouts *layouts;
    Dwarf_Debug dwarf;
};

/* A name with the function that it is declared in. malloc'ed; NULL when out of memory. */
static char *whole_name(const struct layouts *layouts, const char *name)
{
    char *whole;

    if (!layouts->function[0])
        return strdup(name);
    return asprintf(&whole, "%s/%s", layouts->function, name) < 0 ? NULL : whole;
}

static int add_layout(struct layouts *layouts, const char *name, Dwarf_Die die, bool variable)
{
    struct layout *grown = name ? reallocarray(layouts->items, layouts->count + 1, sizeof(*grown)) : NULL;

    if (!grown)
        return -1;
    layouts->items = grown;
    grown[layouts->count] =
        (struct layout){.name = whole_name(layouts, name), .variable = variable, .offset = hf_die_offset(die)};
    return grown[layouts->count++].name ? 0 : -1;
}

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
    /* gcc writes lambdas without their numbers: std::remove_reference<run()::<lambda(int)>&>::type is any of run()'s,
     * whose classes are compared by themselves. */
    if (type.alias && strstr(name, "<lambda("))
        return 0;
    type.name = name;
    HF_FREE char *label = hf_type_label(&type);
    return add_layout(layouts, label, die, false);
}

/* Those of scoped enumerations (C++) share their names with others: the types are compared where they are reached. */
static int read_enumerators(struct layouts *layouts, Dwarf_Debug dwarf, Dwarf_Die enumeration)
{
    HF_DIE Dwarf_Die child = NULL;
    int more;

    if (hf_die_has(enumeration, DW_AT_enum_class))
        return 0;
    while ((more = hf_die_next(dwarf, enumeration, &child)) > 0) {
        const char *name = hf_die_text(child, DW_AT_name);
        uint64_t value;
        if (!name || !hf_die_number(child, DW_AT_const_value, &value))
            continue;
        struct enumerator *grown = reallocarray(layouts->enumerators, layouts->enumerator_count + 1, sizeof(*grown));
        if (!grown)
            return -1;
        layouts->enumerators = grown;
        grown[layouts->enumerator_count] =
            (struct enumerator){.name = whole_name(layouts, name), .value = (int64_t)value};
        if (!grown[layouts->enumerator_count++].name)
            return -1;
    }
    return more;
}

/* A variable whose place is an address, not a register or a frame (DWARF 5, 2.6.1.1.2). */
static bool is_static(Dwarf_Die die)
{
    Dwarf_Attribute attribute;
    Dwarf_Unsigned size;
    Dwarf_Ptr bytes;
    Dwarf_Error error;

    if (dwarf_attr(die, DW_AT_location, &attribute, &error) != DW_DLV_OK)
        return false;
    bool found = dwarf_formexprloc(attribute, &size, &bytes, &error) == DW_DLV_OK && size > 0;
    uint8_t first = found ? *(const uint8_t *)bytes : 0;
    dwarf_dealloc_attribute(attribute);
    return found && (first == DW_OP_addr || first == DW_OP_addrx || first == DW_OP_const8u);
}

/* Variables and enumerators. */
static int read_scope(struct layouts *layouts, Dwarf_Debug dwarf, Dwarf_Die parent, int depth)
{
    HF_DIE Dwarf_Die child = NULL;
    int more;

    while (depth < MAX_DEPTH && (more = hf_die_next(dwarf, parent, &child)) > 0) {
        const char *name = hf_die_text(child, DW_AT_name);
        const char *outer = layouts->function;
        int failed = 0;
        switch (hf_die_tag(child)) {
        case DW_TAG_subprogram:
            layouts->function = name ? name : outer;
            failed = name ? read_scope(layouts, dwarf, child, depth + 1) : 0;
            layouts->function = outer;
            break;
        case DW_TAG_lexical_block:
            failed = read_scope(layouts, dwarf, child, depth + 1);
            break;
        case DW_TAG_enumeration_type:
            failed = read_enumerators(layouts, dwarf, child);
            break;
        case DW_TAG_variable:
            failed = name && is_static(child) ? add_layout(layouts, name, child, true) : 0;
            break;
        default:
            break;
        }
        if (failed)
            return -1;
    }
    return depth < MAX_DEPTH ? more : 0;
}

/* "Z3runvE" of "_Z3runv::{closure}#1": what names of functions of such lambdas hold. NULL for other types. */
static char *closure_scope(const char *name)
{
    const char *end = strstr(name, "::" HF_QUALIFIED_CLOSURE);
    char *scope;

    if (!end || strncmp(name, "_Z", 2) != 0 || asprintf(&scope, "%.*sE", (int)(end - name - 1), name + 1) < 0)
        return NULL;
    /* Of a constructor or destructor, debug information names none of the variants. */
    char *variant = strstr(scope, "C4E") ? strstr(scope, "C4E") : strstr(scope, "D4E");
    if (variant)
        *variant = '\0';
    return scope;
}

/* Classes of lambdas whose functions stand by themselves: others are parts of the function that makes them. */
static int read_closure(Dwarf_Die die, const char *name, void *arg)
{
    const struct unit *unit = arg;
    const struct hf_object *object = unit->layouts->object;
    HF_FREE char *scope = closure_scope(name);
    bool stands = false;

    for (size_t i = 1; scope && !stands && i < object->name_count; i++) {
        const char *text = object->names[i].text;
        stands = object->names[i].part && strstr(text, scope) && (strstr(text, "Ul") || strstr(text, "$_"));
    }
    return stands ? add_layout(unit->layouts, name, die, false) : 0;
}

static int read_unit(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg)
{
    struct unit read = {.layouts = arg, .dwarf = dwarf};

    read.layouts->function = "";
    if (hf_qualified_walk(dwarf, unit, false, read_type, &read) != 0 ||
        (hf_qualified_unit(unit) && hf_qualified_walk(dwarf, unit, true, read_closure, &read) != 0))
        return -1;
    return read_scope(arg, dwarf, unit, 0);
}

static int by_name(const void *a, const void *b)
{
    const struct layout *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    return order ? order : left->variable - right->variable;
}

static int by_number(const void *a, const void *b)
{
    return strcmp(((const struct enumerator *)a)->name, ((const struct enumerator *)b)->name);
}

static int read_layouts(const struct hf_object *object, struct layouts *layouts, struct hotfix_error *err)
{
    layouts->object = object;
    if (hf_debuginfo_open(object, &layouts->info, err) != 0)
        return -1;
    if (layouts->info && hf_debuginfo_units(layouts->info, read_unit, layouts) != 0)
        return hf_error(err, HOTFIX_FORMAT, "%s: its debug information is damaged", object->path);
    if (layouts->count > 0)
        qsort(layouts->items, layouts->count, sizeof(*layouts->items), by_name);
    if (layouts->enumerator_count > 0)
        qsort(layouts->enumerators, layouts->enumerator_count, sizeof(*layouts->enumerators), by_number);
    return 0;
}

/* The item with this name; NULL also when there are several, which cannot be distinguished. */
static const struct layout *find_layout(const struct layouts *layouts, const struct layout *like)
{
    const struct layout *found =
        layouts->count > 0 ? bsearch(like, layouts->items, layouts->count, sizeof(*like), by_name) : NULL;
    const struct layout *end = layouts->items + layouts->count;

    if (found && like->variable &&
        ((found > layouts->items && by_name(found - 1, like) == 0) ||
         (found + 1 < end && by_name(found + 1, like) == 0)))
        return NULL;
    return found;
}

/* Compares what both sides have; *what is where an unnamed part of a variable's type differs, malloc'ed. */
static void compare(struct hf_comparison *comparison, const struct layouts *before, const struct layout *after,
                    char **what)
{
    const struct layout *old = find_layout(before, after);
    HF_DIE Dwarf_Die left = old ? hf_die_at(comparison->before, old->offset) : NULL;
    HF_DIE Dwarf_Die right = old ? hf_die_at(comparison->after, after->offset) : NULL;

    *what = NULL;
    if (left && right && after->variable)
        hf_comparison_of(comparison, left, right, what);
    else if (left && right)
        hf_comparison_types(comparison, left, right);
}

/* The class of a lambda has no name, so its difference is reported here. */
static bool captures_alike(struct hf_comparison *comparison, const struct layouts *before, const struct layout *after)
{
    const struct layout *old = strstr(after->name, "::" HF_QUALIFIED_CLOSURE) ? find_layout(before, after) : NULL;
    HF_DIE Dwarf_Die left = old ? hf_die_at(comparison->before, old->offset) : NULL;
    HF_DIE Dwarf_Die right = left ? hf_die_at(comparison->after, after->offset) : NULL;

    return !right || hf_comparison_types(comparison, left, right) == HF_TYPES_EQUAL;
}

/* An object of the program may hold the old number. */
static int check_enumerators(const struct hf_object *object, const struct layouts *before, const struct layouts *after,
                             struct hotfix_error *err)
{
    for (size_t i = 0; before->enumerator_count > 0 && i < after->enumerator_count; i++) {
        const struct enumerator *new = &after->enumerators[i];
        const struct enumerator *old =
            bsearch(new, before->enumerators, before->enumerator_count, sizeof(*new), by_number);
        const char *slash = strrchr(new->name, '/');
        if (old && old->value != new->value)
            return hf_error(err, HOTFIX_INCOMPATIBLE,
                            "%s: enumerator '%s' is %" PRId64 " and was %" PRId64
                            ", and the program may hold the old number: put new enumerators behind the old ones",
                            object->name, slash ? slash + 1 : new->name, new->value, old->value);
    }
    return 0;
}

/* A structure that contains a changed one differs, too, but a message about it would be less precise. */
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
    if (!left.info || !right.info)
        return 0;
    comparison.before = left.info->dwarf;
    comparison.after = right.info->dwarf;
    for (size_t i = 0; i < right.count; i++) {
        HF_FREE char *what = NULL;
        if (!captures_alike(&comparison, &left, &right.items[i]))
            return hf_error(err, HOTFIX_INCOMPATIBLE,
                            "%s: what the lambda %s captures changed, and the program may hold the old one",
                            after->name, right.items[i].name);
        compare(&comparison, &left, &right.items[i], &what);
        if (what)
            return hf_error(err, HOTFIX_INCOMPATIBLE,
                            "%s: the layout of variable '%s' changed, and the program has set and used it already: %s",
                            after->name, right.items[i].name, what);
    }
    if (comparison.failed)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", after->path);
    if (comparison.difference_count > 0)
        return refuse(after, choose(&comparison), err);
    return check_enumerators(after, &left, &right, err);
}
