/* SPDX-License-Identifier: Apache-2.0 */
#include "build/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build/debuginfo.h"
#include "cleanup.h"
#include "elf/die.h"
#include "error.h"

#define MAX_DEPTH 32 /* types within types; what lies deeper is not compared */

/* A structure or union at file scope. */
struct layout {
    char *name; /* "struct order" */
    char *text; /* one line a member: name, offset, type */
};

struct layouts {
    struct layout *items;
    size_t count;
};

static void layouts_deinit(struct layouts *layouts)
{
    for (size_t i = 0; i < layouts->count; i++) {
        free(layouts->items[i].name);
        free(layouts->items[i].text);
    }
    free(layouts->items);
}
#define HF_LAYOUTS __attribute__((cleanup(layouts_deinit)))

static bool is_aggregate(Dwarf_Half tag)
{
    return tag == DW_TAG_structure_type || tag == DW_TAG_union_type || tag == DW_TAG_class_type;
}

static const char *keyword(Dwarf_Half tag)
{
    return tag == DW_TAG_union_type ? "union" : "struct";
}

static uint64_t number(Dwarf_Die die, Dwarf_Half attribute)
{
    uint64_t value;

    return hf_die_number(die, attribute, &value) ? value : 0;
}

static int write_type(Dwarf_Debug dwarf, Dwarf_Die user, FILE *out, int depth);

static int write_members(Dwarf_Debug dwarf, Dwarf_Die aggregate, FILE *out, const char *end, int depth)
{
    Dwarf_Die member = NULL;
    int more;

    while ((more = hf_die_next(dwarf, aggregate, &member)) > 0) {
        Dwarf_Half tag = hf_die_tag(member);
        if (tag != DW_TAG_member && tag != DW_TAG_inheritance)
            continue;
        const char *name = hf_die_text(member, DW_AT_name);
        fprintf(out, "%s at %" PRIu64, name ? name : "", number(member, DW_AT_data_member_location));
        if (hf_die_has(member, DW_AT_bit_size))
            fprintf(out, " bits %" PRIu64 "+%" PRIu64 "-%" PRIu64, number(member, DW_AT_bit_size),
                    number(member, DW_AT_data_bit_offset), number(member, DW_AT_bit_offset));
        fputs(": ", out);
        if (write_type(dwarf, member, out, depth + 1) != 0) {
            dwarf_dealloc_die(member);
            return -1;
        }
        fputs(end, out);
    }
    return more;
}

static int write_array(Dwarf_Debug dwarf, Dwarf_Die array, FILE *out, int depth)
{
    Dwarf_Die range = NULL;
    int more;

    while ((more = hf_die_next(dwarf, array, &range)) > 0) {
        uint64_t count;
        if (hf_die_number(range, DW_AT_count, &count))
            fprintf(out, "[%" PRIu64 "]", count);
        else if (hf_die_number(range, DW_AT_upper_bound, &count))
            fprintf(out, "[%" PRIu64 "]", count + 1);
        else
            fputs("[]", out);
    }
    return more < 0 ? -1 : write_type(dwarf, array, out, depth + 1);
}

/* What decides how the type lies in memory. What a pointer points to does not. */
static int write_type(Dwarf_Debug dwarf, Dwarf_Die user, FILE *out, int depth)
{
    HF_DIE Dwarf_Die type = depth < MAX_DEPTH ? hf_die_refer(dwarf, user, DW_AT_type) : NULL;
    Dwarf_Half tag = type ? hf_die_tag(type) : 0;
    const char *name = type ? hf_die_text(type, DW_AT_name) : NULL;

    switch (tag) {
    case 0:
        return 0;
    case DW_TAG_typedef:
    case DW_TAG_const_type:
    case DW_TAG_volatile_type:
    case DW_TAG_restrict_type:
    case DW_TAG_atomic_type:
        return write_type(dwarf, type, out, depth + 1);
    case DW_TAG_array_type:
        return write_array(dwarf, type, out, depth);
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_class_type:
        fprintf(out, "%s %s, %" PRIu64 " bytes", keyword(tag), name ? name : "", number(type, DW_AT_byte_size));
        if (name)
            return 0;
        fputs(" {", out);
        if (write_members(dwarf, type, out, "; ", depth + 1) < 0)
            return -1;
        fputc('}', out);
        return 0;
    case DW_TAG_pointer_type:
        fputs("pointer", out);
        return 0;
    default:
        /* A whole number of the same size and sign is the same, whatever it is called. */
        fprintf(out, "type %x, %" PRIu64 " bytes, encoding %" PRIu64, tag, number(type, DW_AT_byte_size),
                number(type, DW_AT_encoding));
        return 0;
    }
}

static int add_layout(struct layouts *layouts, Dwarf_Debug dwarf, Dwarf_Die die, const char *name)
{
    struct layout *grown = reallocarray(layouts->items, layouts->count + 1, sizeof(*grown));
    if (!grown)
        return -1;
    layouts->items = grown;
    struct layout *layout = &grown[layouts->count];
    *layout = (struct layout){.name = NULL};
    size_t size = 0;
    FILE *out = open_memstream(&layout->text, &size);
    if (!out)
        return -1;
    fprintf(out, "size: %" PRIu64 " bytes\n", number(die, DW_AT_byte_size));
    int failed = write_members(dwarf, die, out, "\n", 0);
    failed = fclose(out) != 0 || failed != 0 || asprintf(&layout->name, "%s %s", keyword(hf_die_tag(die)), name) < 0;
    if (failed) {
        free(layout->text);
        return -1;
    }
    layouts->count++;
    return 0;
}

/* A structure without a tag goes by the name that a typedef gives it. */
static int read_type(struct layouts *layouts, Dwarf_Debug dwarf, Dwarf_Die die)
{
    const char *name = hf_die_text(die, DW_AT_name);

    if (!name)
        return 0;
    if (is_aggregate(hf_die_tag(die)))
        return hf_die_has(die, DW_AT_declaration) ? 0 : add_layout(layouts, dwarf, die, name);
    if (hf_die_tag(die) != DW_TAG_typedef)
        return 0;
    HF_DIE Dwarf_Die type = hf_die_refer(dwarf, die, DW_AT_type);
    if (!type || !is_aggregate(hf_die_tag(type)) || hf_die_has(type, DW_AT_name) || hf_die_has(type, DW_AT_declaration))
        return 0;
    return add_layout(layouts, dwarf, type, name);
}

static int read_unit(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg)
{
    Dwarf_Die child = NULL;
    int more;

    while ((more = hf_die_next(dwarf, unit, &child)) > 0) {
        if (read_type(arg, dwarf, child) != 0) {
            dwarf_dealloc_die(child);
            return -1;
        }
    }
    return more;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct layout *)a)->name, ((const struct layout *)b)->name);
}

static int read_layouts(const struct hf_object *object, struct layouts *layouts, struct hotfix_error *err)
{
    HF_DEBUGINFO struct hf_debuginfo *info = NULL;

    if (hf_debuginfo_open(object, &info, err) != 0)
        return -1;
    if (info && hf_debuginfo_units(info, read_unit, layouts) != 0)
        return hf_error(err, HOTFIX_FORMAT, "%s: its debug information is damaged", object->path);
    if (layouts->count > 0)
        qsort(layouts->items, layouts->count, sizeof(*layouts->items), by_name);
    return 0;
}

/* A line of a layout: "MEMBER at ...", or its size. */
struct line {
    const char *text;
    int size;
    int name_size; /* 0: it is not of a member, or of one without a name */
};

static struct line line_at(const char *text)
{
    return (struct line){text, (int)strcspn(text, "\n"), (int)strcspn(text, " \n")};
}

/* The members; the size, which comes first, says least. */
static const char *members(const struct layout *layout)
{
    return strchr(layout->text, '\n') + 1;
}

static bool has_member(const struct layout *layout, const struct line *line)
{
    for (const char *at = members(layout); *at; at += strcspn(at, "\n") + 1)
        if (strncmp(at, line->text, (size_t)line->name_size) == 0 && at[line->name_size] == ' ')
            return true;
    return false;
}

/* The first lines in which two layouts differ: the same member, or one that the other has no member for. */
static void find_difference(const struct layout *before, const struct layout *after, struct line *left,
                            struct line *right)
{
    const char *old_text = members(before);
    const char *new_text = members(after);
    size_t size;

    while (*old_text && (size = strcspn(old_text, "\n")) == strcspn(new_text, "\n") &&
           strncmp(old_text, new_text, size) == 0) {
        old_text += size + 1;
        new_text += size + 1;
    }
    bool same = !*old_text && !*new_text;
    *left = line_at(same ? before->text : old_text);
    *right = line_at(same ? after->text : new_text);
    if (same)
        left->name_size = right->name_size = 0;
}

static bool is_new(const struct layout *before, const struct line *right)
{
    return right->name_size > 0 && !has_member(before, right);
}

/* A struct that holds one that grew differs, too, but says less of what changed. */
static bool tells_member(const struct layout *before, const struct layout *after)
{
    struct line left, right;

    find_difference(before, after, &left, &right);
    return is_new(before, &right) || is_new(after, &left);
}

static int refuse(const struct hf_object *object, const struct layout *before, const struct layout *after,
                  struct hotfix_error *err)
{
    struct line left, right;

    find_difference(before, after, &left, &right);
    hf_error(err, HOTFIX_INCOMPATIBLE, "%s: the layout of '%s' changed, and the program may hold objects of it",
             object->name, after->name);
    struct hotfix_error what = *err;
    if (is_new(before, &right))
        return hf_error(err, what.code, "%s: member '%.*s' is new", what.message, right.name_size, right.text);
    if (is_new(after, &left))
        return hf_error(err, what.code, "%s: member '%.*s' is gone", what.message, left.name_size, left.text);
    return hf_error(err, what.code, "%s: old '%.*s', new '%.*s'", what.message, left.size, left.text, right.size,
                    right.text);
}

int hf_layouts_check(const struct hf_object *before, const struct hf_object *after, struct hotfix_error *err)
{
    HF_LAYOUTS struct layouts left = {.count = 0};
    HF_LAYOUTS struct layouts right = {.count = 0};
    const struct layout *old_layout = NULL;
    const struct layout *new_layout = NULL;

    if (read_layouts(before, &left, err) != 0 || read_layouts(after, &right, err) != 0)
        return -1;
    for (size_t i = 0; i < right.count; i++) {
        const struct layout *now = &right.items[i];
        const struct layout *then =
            left.count ? bsearch(now, left.items, left.count, sizeof(*left.items), by_name) : NULL;
        if (!then || strcmp(then->text, now->text) == 0 || (old_layout && !tells_member(then, now)))
            continue;
        bool told = old_layout && tells_member(old_layout, new_layout);
        old_layout = told ? old_layout : then;
        new_layout = told ? new_layout : now;
    }
    return old_layout ? refuse(after, old_layout, new_layout, err) : 0;
}
