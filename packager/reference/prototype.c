/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/prototype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dwarf/die.h"
#include "error.h"
#include "object/debuginfo.h"
#include "types/passing.h"
#include "types/prototype.h"

/* The prototypes of an object's functions that are asked for, read in one go. */
struct table {
    const struct hf_object *object;
    bool (*wanted)(const struct hf_part *part);
    const struct hf_part *only; /* where nothing else is wanted; NULL */
    const struct hf_passing_elsewhere *elsewhere;
    char **texts;     /* by section number; NULL: not wanted, not found or not known */
    char **undefined; /* by section number; NULL: nothing is missing */
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

/* A class that is handed over, and of which nothing tells how. */
static int note_undefined(Dwarf_Debug dwarf, Dwarf_Die holder, struct table *table, char **undefined)
{
    HF_FREE char *text = hf_type_text(dwarf, holder);

    if (!text)
        return hf_error(table->err, HOTFIX_MEMORY, "out of memory");
    if (!*undefined)
        *undefined = hf_move(text);
    return 0;
}

/* What the text of a prototype does not say: which objects are handed over by address. */
static int add_passing(Dwarf_Debug dwarf, Dwarf_Die die, Dwarf_Die declaration, struct table *table, size_t index)
{
    Dwarf_Die holder = declaration && !hf_die_has(die, DW_AT_type) ? declaration : die;
    HF_DIE Dwarf_Die child = NULL;
    char **text = &table->texts[index];
    unsigned number = 0;

    for (int more = 1; *text && more > 0; number++) {
        enum hf_passing passing = hf_passing_of(dwarf, holder, table->elsewhere);
        char *longer = NULL;
        if (passing == HF_PASSED_UNKNOWN && note_undefined(dwarf, holder, table, &table->undefined[index]) != 0)
            return -1;
        if (passing == HF_PASSED_BY_ADDRESS && asprintf(&longer, "%s %u by address", *text, number) < 0)
            return hf_error(table->err, HOTFIX_MEMORY, "out of memory");
        if (longer) {
            free(*text);
            *text = longer;
        }
        do
            more = hf_die_next(dwarf, die, &child);
        while (more > 0 && hf_die_tag(child) != DW_TAG_formal_parameter);
        holder = child;
    }
    return 0;
}

/* Code is described where it was written down: copies and inlined functions refer there. */
static int describe_origin(Dwarf_Debug dwarf, Dwarf_Die die, struct table *table, size_t index)
{
    uint64_t origin = hf_die_reference(die, DW_AT_abstract_origin);
    HF_DIE Dwarf_Die written = origin == HF_DIE_NONE ? NULL : hf_die_at(dwarf, origin);
    uint64_t specification = hf_die_reference(written ? written : die, DW_AT_specification);
    HF_DIE Dwarf_Die declaration = specification == HF_DIE_NONE ? NULL : hf_die_at(dwarf, specification);

    if (describe(dwarf, written ? written : die, declaration, table, &table->texts[index]) != 0)
        return -1;
    return table->only ? 0 : add_passing(dwarf, written ? written : die, declaration, table, index);
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
        if (part && describe_origin(dwarf, die, table, part->index) != 0) {
            dwarf_dealloc_die(die);
            return -1;
        }
    }
    if (die)
        dwarf_dealloc_die(die);
    return 0;
}

void hf_prototypes_deinit(struct hf_prototypes *prototypes)
{
    for (size_t i = 0; i < prototypes->count; i++) {
        free(prototypes->texts[i]);
        free(prototypes->undefined[i]);
    }
    free(prototypes->texts);
    free(prototypes->undefined);
    *prototypes = (struct hf_prototypes){.count = 0};
}

static int read_table(struct table *table, struct hf_prototypes *prototypes, struct hotfix_error *err)
{
    HF_DEBUGINFO struct hf_debuginfo *info = NULL;
    size_t count = table->object->part_count;

    *prototypes = (struct hf_prototypes){
        .object = table->object,
        .texts = calloc(count + 1, sizeof(char *)),
        .undefined = calloc(count + 1, sizeof(char *)),
    };
    if (!prototypes->texts || !prototypes->undefined)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    prototypes->count = count;
    table->texts = prototypes->texts;
    table->undefined = prototypes->undefined;
    if (hf_debuginfo_open(table->object, &info, err) != 0)
        return -1;
    return info && hf_debuginfo_units(info, read_unit, table) != 0 ? -1 : 0;
}

int hf_prototypes_read(const struct hf_object *object, bool (*wanted)(const struct hf_part *part),
                       const struct hf_passing_elsewhere *elsewhere, struct hf_prototypes *prototypes,
                       struct hotfix_error *err)
{
    struct table table = {.object = object, .wanted = wanted, .elsewhere = elsewhere, .err = err};

    hf_prototypes_deinit(prototypes);
    return read_table(&table, prototypes, err);
}

int hf_prototype_find(const struct hf_part *part, char **prototype, struct hotfix_error *err)
{
    HF_PROTOTYPES struct hf_prototypes prototypes = {.count = 0};
    struct table table = {.object = part->object, .only = part, .err = err};

    if (read_table(&table, &prototypes, err) != 0)
        return -1;
    *prototype = hf_move(prototypes.texts[part->index]);
    return 0;
}
