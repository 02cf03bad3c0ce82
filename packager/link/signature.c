/* SPDX-License-Identifier: Apache-2.0 */
#include "link/signature.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dwarf/die.h"
#include "error.h"
#include "link/callers.h"
#include "object/debuginfo.h"
#include "types/prototype.h"

/* Looks for one function's prototype in an object. */
struct search {
    const char *name;
    char *prototype; /* NULL: not found, or not known */
    struct hotfix_error *err;
};

static int describe(Dwarf_Debug dwarf, Dwarf_Die die, struct search *search)
{
    struct hf_function function = {.name = search->name};
    struct hf_types *types = hf_types_create(dwarf);
    if (!types)
        return hf_error(search->err, HOTFIX_MEMORY, "out of memory");

    int failed = hf_types_describe(types, die, NULL, false, &function, search->err);
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

static int search_unit(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg)
{
    struct search *search = arg;
    Dwarf_Die die = NULL;

    while (!search->prototype && hf_die_next(dwarf, unit, &die) > 0) {
        const char *name = hf_die_tag(die) == DW_TAG_subprogram ? hf_die_text(die, DW_AT_name) : NULL;
        if (!name || strcmp(name, search->name) != 0 || hf_die_has(die, DW_AT_declaration))
            continue;
        if (describe(dwarf, die, search) != 0) {
            dwarf_dealloc_die(die);
            return -1;
        }
    }
    if (die)
        dwarf_dealloc_die(die);
    return 0;
}

/* The function's prototype as text, malloc'ed; NULL when it is not known. */
static int find_prototype(const struct hf_object *object, const char *name, char **prototype, struct hotfix_error *err)
{
    HF_DEBUGINFO struct hf_debuginfo *info = NULL;
    struct search search = {.name = name, .err = err};

    if (hf_debuginfo_open(object, &info, err) != 0)
        return -1;
    if (info && hf_debuginfo_units(info, search_unit, &search) != 0) {
        free(search.prototype);
        return -1;
    }
    *prototype = search.prototype;
    return 0;
}

/* Existing data of one object that points to a function: by its part, or from another object by its name. */
static const struct hf_part *find_pointer(const struct hf_object *object, const struct hf_part *function,
                                          const struct hf_name *name)
{
    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *part = &object->parts[i];
        bool data = part->kind == HF_PART_DATA || part->kind == HF_PART_CONST;
        for (size_t k = 0; data && part->twin && k < part->reference_count; k++) {
            int64_t offset;
            const struct hf_reference *reference = &part->references[k];
            bool foreign =
                !reference->name->part && name->binding != STB_LOCAL && strcmp(reference->name->text, name->text) == 0;
            if (foreign || hf_reference_part(reference, &offset) == function)
                return part;
        }
    }
    return NULL;
}

static int refuse_pointer(const struct hf_work *work, const struct hf_part *function, const struct hf_name *name,
                          struct hotfix_error *err)
{
    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_part *data = find_pointer(work->pairings[i].after, function, name);
        if (data)
            return hf_error(err, HOTFIX_INCOMPATIBLE,
                            "%s: the prototype of '%s' changed, and existing data points to it: '%s'",
                            function->object->name, name->text, hf_part_title(data));
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
        part->marks &= ~(HF_MARK_CHANGED | HF_MARK_KEPT);
    }
}

int hf_signatures_part(struct hf_work *work, struct hf_pairing *pairing, struct hotfix_error *err)
{
    for (size_t i = 1; i < pairing->after->part_count; i++) {
        struct hf_part *part = &pairing->after->parts[i];
        const struct hf_name *name = part->marks & HF_MARK_CHANGED ? hf_part_function(part) : NULL;
        const struct hf_name *old = name && part->twin ? hf_part_function(part->twin) : NULL;
        HF_FREE char *before = NULL;
        HF_FREE char *after = NULL;
        if (!old)
            continue;
        if (find_prototype(old->part->object, old->text, &before, err) != 0 ||
            find_prototype(pairing->after, name->text, &after, err) != 0)
            return -1;
        if (!before || !after || strcmp(before, after) == 0)
            continue;
        if (refuse_pointer(work, part, name, err) != 0)
            return -1;
        /* Whoever calls the old one and did not change must be led to the new one. */
        if (hf_callers_stay(work, pairing, part->twin))
            continue;
        take_apart(part->twin->object, part);
    }
    return 0;
}
