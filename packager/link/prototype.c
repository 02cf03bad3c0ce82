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

/* Looks for the prototype of the code in one part of an object. */
struct search {
    const struct hf_part *part;
    char *prototype; /* NULL: not found, or not known */
    struct hotfix_error *err;
};

static int describe(Dwarf_Debug dwarf, Dwarf_Die die, Dwarf_Die declaration, struct search *search)
{
    struct hf_function function = {.name = NULL};
    struct hf_types *types = hf_types_create(dwarf);
    if (!types)
        return hf_error(search->err, HOTFIX_MEMORY, "out of memory");

    int failed = hf_types_describe(types, die, declaration, false, &function, search->err);
    if (!failed && function.prototype) {
        search->prototype = strdup(function.prototype);
        if (!search->prototype)
            failed = hf_error(search->err, HOTFIX_MEMORY, "out of memory");
    }
    free(function.prototype);
    free(function.parameters);
    hf_types_destroy(types);
    return failed;
}

/* Code is described where it was written down: copies and inlined functions refer there. */
static int describe_origin(Dwarf_Debug dwarf, Dwarf_Die die, struct search *search)
{
    uint64_t origin = hf_die_reference(die, DW_AT_abstract_origin);
    HF_DIE Dwarf_Die written = origin == HF_DIE_NONE ? NULL : hf_die_at(dwarf, origin);
    uint64_t specification = hf_die_reference(written ? written : die, DW_AT_specification);
    HF_DIE Dwarf_Die declaration = specification == HF_DIE_NONE ? NULL : hf_die_at(dwarf, specification);

    return describe(dwarf, written ? written : die, declaration, search);
}

static bool is_code_of(const struct search *search, Dwarf_Die die)
{
    uint64_t offset;
    uint64_t address = hf_die_tag(die) == DW_TAG_subprogram ? hf_die_entry(die) : HF_DIE_NONE;

    return address != HF_DIE_NONE && hf_debuginfo_part(search->part->object, address, &offset) == search->part;
}

static int search_unit(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg)
{
    struct search *search = arg;
    Dwarf_Die die = NULL;

    while (!search->prototype && hf_die_next(dwarf, unit, &die) > 0) {
        if (is_code_of(search, die) && describe_origin(dwarf, die, search) != 0) {
            dwarf_dealloc_die(die);
            return -1;
        }
    }
    if (die)
        dwarf_dealloc_die(die);
    return 0;
}

int hf_prototype_find(const struct hf_part *part, char **prototype, struct hotfix_error *err)
{
    HF_DEBUGINFO struct hf_debuginfo *info = NULL;
    struct search search = {.part = part, .err = err};

    if (hf_debuginfo_open(part->object, &info, err) != 0)
        return -1;
    if (info && hf_debuginfo_units(info, search_unit, &search) != 0) {
        free(search.prototype);
        return -1;
    }
    *prototype = search.prototype;
    return 0;
}

/* The new version of a function, when it has another prototype. */
static struct hf_part *parted(const struct hf_part *before)
{
    return before->kind == HF_PART_CODE && !before->family && before->twin && (before->twin->marks & HF_MARK_PARTED)
               ? before->twin
               : NULL;
}

static int mark_pairing(const struct hf_pairing *pairing, struct hotfix_error *err)
{
    for (size_t i = 1; i < pairing->after->part_count; i++) {
        struct hf_part *part = &pairing->after->parts[i];
        HF_FREE char *before = NULL;
        HF_FREE char *after = NULL;
        if (!(part->marks & HF_MARK_CHANGED) || !hf_part_function(part) || !part->twin || part->twin->twin != part)
            continue;
        if (hf_prototype_find(part->twin, &before, err) != 0 || hf_prototype_find(part, &after, err) != 0)
            return -1;
        if (before && after && !hf_prototypes_agree(before, after))
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
