/* SPDX-License-Identifier: Apache-2.0 */
#include "program/spelled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dwarf/dwarf.h"
#include "dwarf/qualified.h"
#include "error.h"

#define SCOPES_SHOWN 6

int hf_spelled_init(const struct hf_program *program, struct hf_spelled *spelled, struct hotfix_error *err)
{
    *spelled =
        (struct hf_spelled){.program = program, .names = calloc(program->function_count + 1, sizeof(*spelled->names))};
    if (!spelled->names)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < program->function_count; i++)
        spelled->count += hf_scoped_read_symbol(program->functions[i].name, &spelled->names[i]) == 0;
    return 0;
}

void hf_spelled_deinit(struct hf_spelled *spelled)
{
    for (size_t i = 0; spelled->names && i < spelled->program->function_count; i++)
        hf_scoped_deinit(&spelled->names[i]);
    free(spelled->names);
    *spelled = (struct hf_spelled){.count = 0};
}

/* The scopes that functions were found in, each once. */
struct scopes {
    char **names;
    size_t count;
};

static void drop_scopes(struct scopes *scopes)
{
    for (size_t i = 0; i < scopes->count; i++)
        free(scopes->names[i]);
    free(scopes->names);
}

/* Adds a name, which is freed where it is known. -1 when memory is out. */
static int add_scope(struct scopes *scopes, char *name)
{
    HF_FREE char *owned = name;

    for (size_t i = 0; owned && i < scopes->count; i++)
        if (strcmp(scopes->names[i], owned) == 0)
            return 0;
    char **longer = owned ? reallocarray(scopes->names, scopes->count + 1, sizeof(*longer)) : NULL;
    if (!longer)
        return -1;
    scopes->names = longer;
    longer[scopes->count++] = hf_move(owned);
    return 0;
}

struct sought {
    const char *name;
    bool found;
};

static int is_sought(Dwarf_Die die, const char *name, void *arg)
{
    struct sought *sought = arg;
    Dwarf_Half tag = hf_die_tag(die);

    sought->found = (tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type) &&
                    strcmp(name, sought->name) == 0;
    return sought->found;
}

/* A symbol does not tell namespaces from classes; debug information does, but for what it names in its own way. */
static bool is_class(const struct hf_program *program, const char *name)
{
    struct sought sought = {.name = name};

    if (name[strlen(name) - 1] == '>')
        return true;
    for (size_t i = 0; program->dwarf && i < program->dwarf->unit_count && !sought.found; i++) {
        hf_dwarf_enter(program->dwarf, i);
        HF_DIE Dwarf_Die unit = hf_die_at(program->dwarf->handle, program->dwarf->units[i].offset);
        if (unit && hf_qualified_unit(unit))
            hf_qualified_walk(program->dwarf->handle, unit, false, is_sought, &sought);
    }
    return sought.found;
}

/* Several scopes end in what a person wrote: each is told in the form that means it alone. */
static int refuse_several(const struct hf_spelled *spelled, const char *option, const char *text,
                          const struct scopes *scopes, struct hotfix_error *err)
{
    char list[HOTFIX_MESSAGE_SIZE / 2] = "";
    size_t shown = 0;

    for (size_t i = 0; i < scopes->count && shown < SCOPES_SHOWN; i++) {
        size_t used = strlen(list);
        const char *root = strcmp(scopes->names[i], text) == 0 ? "::" : "";
        if (used + strlen(scopes->names[i]) + 5 > sizeof(list))
            continue;
        snprintf(list + used, sizeof(list) - used, "%s%s%s", used ? ", " : "", root, scopes->names[i]);
        shown++;
    }
    return hf_error(err, HOTFIX_USAGE, "%s %s: %zu scopes of %s have that name, write which: %s%s", option, text,
                    scopes->count, spelled->program->image.path, list, shown < scopes->count ? ", ..." : "");
}

/* Without debug information a name is taken for what the option asks for. */
static int check_kind(const struct hf_spelled *spelled, bool class, const char *text, const char *scope,
                      struct hotfix_error *err)
{
    if (!spelled->program->has_dwarf || is_class(spelled->program, scope) == class)
        return 0;
    if (class)
        return hf_error(err, HOTFIX_USAGE, "--class %s: %s is no class of %s; of a namespace pick all by --package",
                        text, scope, spelled->program->image.path);
    return hf_error(err, HOTFIX_USAGE, "--package %s: %s is a class of %s; pick its methods by --class", text, scope,
                    spelled->program->image.path);
}

static int mark(const struct hf_spelled *spelled, bool class, const char *text, bool *matches, size_t *count,
                struct hotfix_error *err)
{
    struct hf_scoped wanted;
    struct scopes scopes = {.count = 0};
    size_t parts, found = 0;
    int failed = 0;

    *count = 0;
    if (hf_scoped_read(text, &wanted) != 0)
        return 0;
    bool wild = hf_scoped_is_wild(&wanted);
    for (size_t i = 0; i < spelled->program->function_count && !failed; i++) {
        const struct hf_scoped *name = &spelled->names[i];
        matches[i] = name->count > 0 &&
                     (class ? hf_scoped_in_class(&wanted, name, &parts) : hf_scoped_below(&wanted, name, &parts));
        if (matches[i] && add_scope(&scopes, hf_scoped_text(name, parts, !wild)) != 0)
            failed = hf_error(err, HOTFIX_MEMORY, "out of memory");
        found += matches[i];
    }
    /* <*> stands for all instantiations of one template. */
    if (!failed && scopes.count > 1)
        failed = refuse_several(spelled, class ? "--class" : "--package", text, &scopes, err);
    if (!failed && scopes.count == 1 && !wild)
        failed = check_kind(spelled, class, text, scopes.names[0], err);
    drop_scopes(&scopes);
    hf_scoped_deinit(&wanted);
    *count = failed ? 0 : found;
    return failed;
}

int hf_spelled_class(const struct hf_spelled *spelled, const char *text, bool *matches, size_t *count,
                     struct hotfix_error *err)
{
    return mark(spelled, true, text, matches, count, err);
}

int hf_spelled_namespace(const struct hf_spelled *spelled, const char *text, bool *matches, size_t *count,
                         struct hotfix_error *err)
{
    return mark(spelled, false, text, matches, count, err);
}

char **hf_spelled_last(const struct hf_spelled *spelled)
{
    char **names = calloc(spelled->count + 1, sizeof(*names));
    size_t count = 0;

    for (size_t i = 0; names && i < spelled->program->function_count; i++) {
        const struct hf_scoped *name = &spelled->names[i];
        if (name->count == 0)
            continue;
        const struct hf_scoped_part *last = &name->parts[name->count - 1];
        names[count] = strndup(name->text + last->begin, last->stem - last->begin);
        count += names[count] != NULL;
    }
    return names;
}
