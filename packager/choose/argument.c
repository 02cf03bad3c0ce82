/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/argument.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "compare/compare.h"
#include "error.h"
#include "object/debuginfo.h"
#include "object/known.h"
#include "program/stay.h"
#include "reference/binding.h"

/* The number that a parameter is known to hold where its function begins. */
struct argument {
    const struct hf_part *function;
    const char *name; /* libdwarf's */
    uint64_t value;
};

/* All of an object, as long as its debug information is open. */
struct arguments {
    const struct hf_object *object;
    struct hf_debuginfo *info; /* NULL: there is none */
    struct argument *items;
    size_t count;
    bool *hidden; /* by section number: a parameter that no caller passes has no known value, or its value is not a
                     number */
    bool told;    /* the parameter that is being read has a value at the function's entry */
};

static void arguments_deinit(struct arguments *arguments)
{
    hf_debuginfo_close(arguments->info);
    free(arguments->items);
    free(arguments->hidden);
}
#define ARGUMENTS __attribute__((cleanup(arguments_deinit)))

static int add(const struct hf_known *known, void *arg)
{
    struct arguments *arguments = arg;
    uint64_t offset;
    const struct hf_part *part = hf_debuginfo_part(arguments->object, known->begin, &offset);
    const struct hf_name *function = part ? hf_part_function(part) : NULL;

    if (!function || function->value != offset || !(known->running || known->plain))
        return 0;
    arguments->told = true;
    if (known->running)
        return 0;
    if ((arguments->count & (arguments->count - 1)) == 0) {
        size_t capacity = arguments->count ? 2 * arguments->count : 1;
        struct argument *grown = reallocarray(arguments->items, capacity, sizeof(*grown));
        if (!grown)
            return -1;
        arguments->items = grown;
    }
    arguments->items[arguments->count++] = (struct argument){part, known->name, known->value};
    return 0;
}

static int read_parameters(Dwarf_Debug dwarf, Dwarf_Die function, const struct hf_die_unit *unit,
                           struct arguments *arguments)
{
    HF_DIE Dwarf_Die child = NULL;
    uint64_t offset;
    const struct hf_part *part = hf_debuginfo_part(arguments->object, hf_die_entry(function), &offset);
    int more;

    while ((more = hf_die_next(dwarf, function, &child)) > 0) {
        if (hf_die_tag(child) != DW_TAG_formal_parameter)
            continue;
        arguments->told = false;
        if (hf_known_values(dwarf, child, function, unit, add, arguments) != 0)
            return -1;
        if (part && !arguments->told)
            arguments->hidden[part->index] = true;
    }
    return more;
}

/* Functions that have code stand at the top of their unit, members of classes and namespaces too. */
static int read_unit(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg)
{
    HF_DIE Dwarf_Die child = NULL;
    struct hf_die_unit about = {.base = 0};
    Dwarf_Half offset_size;
    Dwarf_Addr base;
    Dwarf_Error error;
    int more;

    if (dwarf_get_version_of_die(unit, &about.version, &offset_size) != DW_DLV_OK)
        return -1;
    if (dwarf_lowpc(unit, &base, &error) == DW_DLV_OK)
        about.base = base;
    while ((more = hf_die_next(dwarf, unit, &child)) > 0)
        if (hf_die_tag(child) == DW_TAG_subprogram && hf_die_entry(child) != HF_DIE_NONE &&
            read_parameters(dwarf, child, &about, arg) != 0)
            return -1;
    return more;
}

static int read_arguments(const struct hf_object *object, struct arguments *arguments, struct hotfix_error *err)
{
    arguments->object = object;
    arguments->hidden = calloc(object->part_count, sizeof(*arguments->hidden));
    if (!arguments->hidden)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", object->path);
    if (hf_debuginfo_open(object, &arguments->info, err) != 0)
        return -1;
    if (!arguments->info || hf_debuginfo_units(arguments->info, read_unit, arguments) == 0)
        return 0;
    return hf_error(err, HOTFIX_FORMAT, "%s: its debug information is damaged", object->path);
}

/* Is every parameter value that is known for one version of the function the same in the other version? */
static bool knows_all(const struct arguments *one, const struct hf_part *function, const struct arguments *other)
{
    for (size_t i = 0; i < one->count; i++) {
        const struct argument *known = &one->items[i];
        bool found = known->function != function;
        for (size_t k = 0; !found && k < other->count; k++)
            found = other->items[k].function == function->twin && other->items[k].value == known->value &&
                    strcmp(other->items[k].name, known->name) == 0;
        if (!found)
            return false;
    }
    return true;
}

/* May callers of the two versions pass different constants? */
static bool differ(const struct arguments *before, const struct arguments *after, const struct hf_part *function)
{
    const struct hf_part *twin = function->twin;

    return before->hidden[twin->index] || after->hidden[function->index] || !knows_all(before, twin, after) ||
           !knows_all(after, function, before);
}

static bool is_replacing(const struct hf_part *part)
{
    const struct hf_name *name = hf_part_function(part);

    return (part->marks & HF_MARK_CHANGED) && !part->family && name && name->binding == STB_LOCAL && part->twin &&
           part->twin->twin == part;
}

static bool may_stay(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_stay *stay,
                     const struct hf_part *before)
{
    const struct hf_name *name = hf_part_function(before);
    struct hf_anchor anchor;

    return hf_locate(work, pairing, before, &anchor, NULL) != 0 ||
           hf_stay_reason(stay, name->text, anchor.address + name->value, name->size);
}

/* Marks the callers of the function. Returns whether a caller was newly marked. */
static bool mark_callers(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_stay *stay,
                         const struct hf_part *function)
{
    bool news = false;

    for (size_t i = 1; i < pairing->after->part_count; i++) {
        struct hf_part *part = &pairing->after->parts[i];
        struct hf_part *whole = part->family ? part->family : part;
        if (part->kind != HF_PART_CODE || whole == function || (whole->marks & HF_MARK_CHANGED) || !whole->twin ||
            whole->twin->twin != whole || !hf_part_function(whole) || !hf_part_function(whole->twin) ||
            !hf_part_refers(part, function) || may_stay(work, pairing, stay, whole->twin))
            continue;
        whole->marks |= HF_MARK_CHANGED | HF_MARK_KEPT;
        news = true;
    }
    return news;
}

static int mark_pairing(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_stay *stay,
                        struct hotfix_error *err)
{
    ARGUMENTS struct arguments before = {.count = 0};
    ARGUMENTS struct arguments after = {.count = 0};

    if (read_arguments(pairing->before, &before, err) != 0 || read_arguments(pairing->after, &after, err) != 0)
        return -1;
    /* A marked caller may pass on its own arguments: repeat until no new caller is marked. */
    for (bool news = true; news;) {
        news = false;
        for (size_t i = 1; i < pairing->after->part_count; i++) {
            const struct hf_part *part = &pairing->after->parts[i];
            if (is_replacing(part) && part->twin->object == pairing->before && differ(&before, &after, part))
                news = mark_callers(work, pairing, stay, part) || news;
        }
    }
    return 0;
}

static bool any_replacing(const struct hf_pairing *pairing)
{
    for (size_t i = 1; pairing->before && i < pairing->after->part_count; i++)
        if (is_replacing(&pairing->after->parts[i]))
            return true;
    return false;
}

int hf_arguments_mark(struct hf_work *work, struct hotfix_error *err)
{
    const struct hf_target *target = work->target;
    struct hf_stay stay;
    int failed = 0;

    if (hf_stay_init(&stay, &target->image, target->symbols, target->arch, err) != 0)
        return -1;
    for (size_t i = 0; !failed && i < work->pairing_count; i++)
        if (any_replacing(&work->pairings[i]))
            failed = mark_pairing(work, &work->pairings[i], &stay, err);
    hf_stay_deinit(&stay);
    return failed;
}
