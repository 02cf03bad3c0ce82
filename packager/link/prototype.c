/* SPDX-License-Identifier: Apache-2.0 */
#include "link/prototype.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dwarf/die.h"
#include "error.h"
#include "link/callers.h"
#include "link/pointer.h"
#include "object/debuginfo.h"
#include "types/prototype.h"

/* The prototypes of an object's functions that are asked for, read in one go. */
struct table {
    const struct hf_object *object;
    bool (*wanted)(const struct hf_part *part);
    const struct hf_part *only; /* where nothing else is wanted; NULL */
    char **texts;               /* by section number; NULL: not wanted, not found or not known */
    struct hotfix_error *err;
};

static int describe(Dwarf_Debug dwarf, Dwarf_Die die, Dwarf_Die declaration, struct table *table, char **text)
{
    struct hf_prototype prototype = {.text = NULL};
    struct hf_types *types = hf_types_create(dwarf);
    if (!types)
        return hf_error(table->err, HOTFIX_MEMORY, "out of memory");

    int failed = hf_types_describe(types, die, declaration, false, &prototype, table->err);
    if (!failed && prototype.text) {
        *text = strdup(prototype.text);
        if (!*text)
            failed = hf_error(table->err, HOTFIX_MEMORY, "out of memory");
    }
    free(prototype.text);
    free(prototype.parameters);
    hf_types_destroy(types);
    return failed;
}

/* Code is described where it was written down: copies and inlined functions refer there. */
static int describe_origin(Dwarf_Debug dwarf, Dwarf_Die die, struct table *table, char **text)
{
    uint64_t origin = hf_die_reference(die, DW_AT_abstract_origin);
    HF_DIE Dwarf_Die written = origin == HF_DIE_NONE ? NULL : hf_die_at(dwarf, origin);
    uint64_t specification = hf_die_reference(written ? written : die, DW_AT_specification);
    HF_DIE Dwarf_Die declaration = specification == HF_DIE_NONE ? NULL : hf_die_at(dwarf, specification);

    return describe(dwarf, written ? written : die, declaration, table, text);
}

/* The part that an entry describes the code of, when it is wanted and not known yet; else NULL. */
static const struct hf_part *wanted_part(const struct table *table, Dwarf_Die die)
{
    uint64_t offset;
    uint64_t address = hf_die_tag(die) == DW_TAG_subprogram ? hf_die_entry(die) : HF_DIE_NONE;
    const struct hf_part *part = address == HF_DIE_NONE ? NULL : hf_debuginfo_part(table->object, address, &offset);

    bool wanted = part && (table->only ? part == table->only : table->wanted(part));

    return wanted && !table->texts[part->index] ? part : NULL;
}

static int read_unit(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg)
{
    struct table *table = arg;
    Dwarf_Die die = NULL;

    while (hf_die_next(dwarf, unit, &die) > 0) {
        const struct hf_part *part = wanted_part(table, die);
        if (part && describe_origin(dwarf, die, table, &table->texts[part->index]) != 0) {
            dwarf_dealloc_die(die);
            return -1;
        }
    }
    if (die)
        dwarf_dealloc_die(die);
    return 0;
}

static void table_deinit(struct table *table)
{
    for (size_t i = 0; table->texts && i < table->object->part_count; i++)
        free(table->texts[i]);
    free(table->texts);
    table->texts = NULL;
}
#define TABLE __attribute__((cleanup(table_deinit)))

static int table_read(const struct hf_object *object, bool (*wanted)(const struct hf_part *part), struct table *table,
                      const struct hf_part *only, struct hotfix_error *err)
{
    HF_DEBUGINFO struct hf_debuginfo *info = NULL;

    table_deinit(table);
    *table = (struct table){object, wanted, only, calloc(object->part_count + 1, sizeof(char *)), err};
    if (!table->texts)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (hf_debuginfo_open(object, &info, err) != 0)
        return -1;
    return info && hf_debuginfo_units(info, read_unit, table) != 0 ? -1 : 0;
}

int hf_prototype_find(const struct hf_part *part, char **prototype, struct hotfix_error *err)
{
    TABLE struct table table = {.object = NULL};

    if (table_read(part->object, NULL, &table, part, err) != 0)
        return -1;
    *prototype = hf_move(table.texts[part->index]);
    return 0;
}

/* The new version of a function, when it has another prototype. */
static struct hf_part *parted(const struct hf_part *before)
{
    return before->kind == HF_PART_CODE && !before->family && before->twin && (before->twin->marks & HF_MARK_PARTED)
               ? before->twin
               : NULL;
}

static bool is_replacing(const struct hf_part *part)
{
    return (part->marks & HF_MARK_CHANGED) && hf_part_function(part) && part->twin && part->twin->twin == part;
}

static bool is_replaced(const struct hf_part *part)
{
    return part->twin && is_replacing(part->twin);
}

static int mark_pairing(const struct hf_pairing *pairing, struct hotfix_error *err)
{
    TABLE struct table before = {.object = NULL};
    TABLE struct table after = {.object = NULL};

    for (size_t i = 1; i < pairing->after->part_count; i++) {
        struct hf_part *part = &pairing->after->parts[i];
        if (!is_replacing(part))
            continue;
        /* A function that moved has its old version in another object. */
        if (before.object != part->twin->object && table_read(part->twin->object, is_replaced, &before, NULL, err) != 0)
            return -1;
        if (!after.object && table_read(pairing->after, is_replacing, &after, NULL, err) != 0)
            return -1;
        const char *old = before.texts[part->twin->index];
        const char *new = after.texts[part->index];
        if (old && new && !hf_prototypes_agree(old, new))
            part->marks |= HF_MARK_PARTED;
    }
    return 0;
}

/* The function and its cold half become new; what the target has stays. */
static void take_apart(struct hf_object *before, struct hf_part *function)
{
    struct hf_object *after = function->object;

    for (size_t i = 1; i < before->part_count; i++) {
        struct hf_part *twin = before->parts[i].twin;
        if (twin && (twin == function || twin->family == function))
            before->parts[i].twin = NULL;
    }
    for (size_t i = 1; i < after->part_count; i++) {
        struct hf_part *part = &after->parts[i];
        if (part != function && part->family != function)
            continue;
        part->twin = NULL;
        part->marks &= ~(HF_MARK_CHANGED | HF_MARK_KEPT | HF_MARK_PARTED);
    }
}

/*
 * A copy that a compiler made for some callers takes the arguments that these have left, whatever its origin takes. A
 * caller that is the same in both compilations hands over what both versions of the copy take.
 */
static bool is_specialised(const struct hf_name *function)
{
    const char *const kinds[] = {".constprop.", ".isra.", ".part."};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (function->binding == STB_LOCAL && strstr(function->text, kinds[i]))
            return true;
    return false;
}

static int examine(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *before,
                   struct hotfix_error *err)
{
    const char *name = hf_part_title(before);
    const char *holder;
    bool stay = hf_callers_stay(work, pairing, before);

    if (hf_pointer_holder(work, pairing, before, &holder, err) != 0)
        return -1;
    if (!holder && stay && is_specialised(hf_part_function(before))) {
        before->twin->marks &= ~HF_MARK_PARTED;
        return 0;
    }

    if (holder)
        return hf_error(
            err, HOTFIX_INCOMPATIBLE,
            "%s: the prototype of '%s' changed, and '%s' in the target has its address: nobody can tell who "
            "calls it through pointers; give the function with the new prototype a new name, and keep one "
            "of the old name and prototype (with __attribute__((used)), if nothing refers to it)",
            pairing->after->name, name, holder);
    if (stay)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "%s: the prototype of '%s' changed, and code calls it that stays as it is%s: give the function "
                        "with the new prototype a new name, and keep one of the old name and prototype",
                        pairing->after->name, name,
                        work->target->executable ? "" : ", or may, since the library exports it");
    return 0;
}

int hf_prototypes_part(struct hf_work *work, struct hotfix_error *err)
{
    for (size_t i = 0; i < work->pairing_count; i++)
        if (mark_pairing(&work->pairings[i], err) != 0)
            return -1;
    /* All of them first: functions that call each other are led to nowhere together. */
    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_pairing *pairing = &work->pairings[i];
        for (size_t k = 1; pairing->before && k < pairing->before->part_count; k++)
            if (parted(&pairing->before->parts[k]) && examine(work, pairing, &pairing->before->parts[k], err) != 0)
                return -1;
    }
    for (size_t i = 0; i < work->pairing_count; i++) {
        struct hf_object *before = work->pairings[i].before;
        for (size_t k = 1; before && k < before->part_count; k++)
            if (parted(&before->parts[k]))
                take_apart(before, before->parts[k].twin);
    }
    return 0;
}
