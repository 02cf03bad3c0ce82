/* SPDX-License-Identifier: Apache-2.0 */
#include "check/data/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/name.h"
#include "cleanup.h"
#include "dwarf/die.h"
#include "elf/demangle.h"
#include "error.h"
#include "types/prototype.h"

#define MAX_DEPTH 256 /* blocks within blocks */

static void view_destroy(struct hf_view *view)
{
    hf_names_deinit(&view->names);
    hf_names_deinit(&view->patch_names);
    hf_reach_deinit(&view->reach);
    hf_reach_deinit(&view->patch_reach);
    free(view);
}

/* One that is known is entered: it goes in front of those that are not. */
static struct hf_view *find(struct hf_views *views, size_t unit, size_t patch_unit)
{
    for (size_t i = 0; i < views->known; i++) {
        struct hf_view *found = views->items[i];
        if (found->unit != unit || found->patch_unit != patch_unit)
            continue;
        if (i >= views->count) {
            views->items[i] = views->items[views->count];
            views->items[views->count++] = found;
        }
        return found;
    }
    return NULL;
}

static int create(struct hf_views *views, size_t unit, size_t patch_unit, struct hf_view **view,
                  struct hotfix_error *err)
{
    struct hf_dwarf *target = views->subject->target->dwarf, *patch = views->subject->patch->dwarf;
    struct hf_view **grown = reallocarray(views->items, views->known + 1, sizeof(struct hf_view *));
    struct hf_view *created = calloc(1, sizeof(*created));

    if (grown)
        views->items = grown;
    if (!grown || !created) {
        free(created);
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    *created = (struct hf_view){.unit = unit, .patch_unit = patch_unit};
    created->reach.dwarf = target->handle;
    created->patch_reach.dwarf = patch->handle;
    if (hf_names_read(target, unit, &created->names, err) != 0 ||
        hf_names_read(patch, patch_unit, &created->patch_names, err) != 0) {
        view_destroy(created);
        return -1;
    }
    views->items[views->known++] = created;
    find(views, unit, patch_unit);
    *view = created;
    return 0;
}

int hf_views_enter(struct hf_views *views, const struct hf_function *old_function,
                   const struct hf_function *new_function, struct hf_view **view, struct hotfix_error *err)
{
    const struct hf_program *target = views->subject->target, *patch = views->subject->patch;
    const struct hf_subprogram *old = hf_program_subprogram(target, old_function);
    const struct hf_subprogram *new = hf_program_subprogram(patch, new_function);
    struct hf_view *entered;

    *view = NULL;
    if (!old || !new)
        return 0;
    /* Link-time optimisation compiles in units of its own making, without names. */
    size_t unit = hf_dwarf_origin(target->dwarf, old)->unit, patch_unit = hf_dwarf_origin(patch->dwarf, new)->unit;
    entered = find(views, unit, patch_unit);
    if (!entered && create(views, unit, patch_unit, &entered, err) != 0)
        return -1;
    hf_dwarf_enter(target->dwarf, unit);
    hf_dwarf_enter(patch->dwarf, patch_unit);
    hf_reach_function(&entered->reach, old->offset);
    hf_reach_function(&entered->patch_reach, new->offset);
    if (entered->reach.failed || entered->patch_reach.failed)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    *view = entered;
    return 0;
}

static void leave(struct hf_reach *reach)
{
    Dwarf_Debug dwarf = reach->dwarf;

    hf_reach_deinit(reach);
    reach->dwarf = dwarf;
}

void hf_views_leave(struct hf_views *views)
{
    for (size_t i = 0; i < views->count; i++) {
        leave(&views->items[i]->reach);
        leave(&views->items[i]->patch_reach);
    }
    views->count = 0;
}

void hf_views_deinit(struct hf_views *views)
{
    for (size_t i = 0; i < views->known; i++)
        view_destroy(views->items[i]);
    free(views->items);
    *views = (struct hf_views){.subject = NULL};
}

bool hf_view_add(struct hf_view *view, const struct hf_check_subject *subject, const struct hf_function *new_function)
{
    const struct hf_subprogram *new = hf_program_subprogram(subject->patch, new_function);

    if (new)
        hf_reach_function(&view->patch_reach, new->offset);
    return new;
}

/* One of them may be a clone (parse.constprop.0), whose variables are the same. */
static bool same_declared(const struct hf_function *a, const struct hf_function *b)
{
    return a->declared && b->declared && strcmp(a->declared, b->declared) == 0 && hf_same_source(a->source, b->source);
}

const struct hf_function *hf_view_counterpart(const struct hf_check_subject *subject,
                                              const struct hf_function *new_function)
{
    for (size_t i = 0; i < subject->target->function_count; i++) {
        const struct hf_function *function = &subject->target->functions[i];
        if (strcmp(function->name, new_function->name) == 0 && hf_same_source(function->source, new_function->source))
            return function;
    }
    for (size_t i = 0; i < subject->target->function_count; i++)
        if (same_declared(&subject->target->functions[i], new_function))
            return &subject->target->functions[i];
    return NULL;
}

static uint64_t find_inner(const struct hf_reach *reach, const char *name)
{
    for (size_t i = 0; i < reach->inner_count; i++)
        if (reach->inner[i].space == HF_NAME_VARIABLE && strcmp(reach->inner[i].name, name) == 0)
            return reach->inner[i].offset;
    return HF_DIE_NONE;
}

static uint64_t find_variable(const struct hf_names *names, const struct hf_reach *reach, const char *name, bool inner)
{
    return inner ? find_inner(reach, name) : hf_names_find(names, HF_NAME_VARIABLE, name, NULL);
}

/* True when both sides know it. */
static bool find_both(const struct hf_view *view, const char *name, bool inner, uint64_t *before, uint64_t *after)
{
    uint64_t old = find_variable(&view->names, &view->reach, name, inner);
    uint64_t new = find_variable(&view->patch_names, &view->patch_reach, name, inner);

    if (*before == HF_DIE_NONE && *after == HF_DIE_NONE) {
        *before = old;
        *after = new;
    }
    if (old == HF_DIE_NONE || new == HF_DIE_NONE)
        return false;
    *before = old;
    *after = new;
    return true;
}

/* "_ZZ3runvE5count", "_ZZ3runvE5count_0": the name of a static variable with its function; NULL for others. */
static char *static_name(const char *symbol)
{
    char *name = NULL;

    for (const char *end = strncmp(symbol, "_ZZ", 3) == 0 ? strchr(symbol, 'E') : NULL; end && !name;
         end = strchr(end + 1, 'E')) {
        char *text;
        unsigned long size = strtoul(end + 1, &text, 10);
        bool last = size > 0 && strlen(text) >= size && (text[size] == '\0' || text[size] == '_');
        if (last && asprintf(&name, "_%.*s::%.*s", (int)(end - symbol - 2), symbol + 2, (int)size, text) < 0)
            return NULL;
    }
    return name;
}

/* Of static locals gcc makes "last.0", clang "fee.last"; link-time optimisation makes "calls.lto_priv.0" of statics. */
int hf_view_variable(const struct hf_view *view, const struct hf_symbol *symbol, uint64_t *before, uint64_t *after,
                     struct hotfix_error *err)
{
    HF_FREE char *name = strndup(symbol->name, strcspn(symbol->name, "@"));

    *before = *after = HF_DIE_NONE;
    if (!name)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    char *rest = symbol->binding == STB_LOCAL ? strchr(name, '.') : NULL;
    if (rest)
        *rest++ = '\0';
    if (rest && find_both(view, name, true, before, after))
        return 0;
    if (rest && rest[strcspn(rest, ".")])
        rest[strcspn(rest, ".")] = '\0';
    if (rest && find_both(view, rest, true, before, after))
        return 0;
    if (find_both(view, name, false, before, after) || find_both(view, name, true, before, after))
        return 0;
    HF_FREE char *inner = static_name(name);
    if (inner && find_both(view, inner, false, before, after))
        return 0;
    /* g++ gives the linkage names of what other units may refer to: a static variable goes by its scopes (_ZL5limit).
     */
    HF_FREE char *plain = strncmp(name, "_Z", 2) == 0 ? hf_demangle(name, HF_DEMANGLE_NAME) : NULL;
    if (plain)
        find_both(view, plain, false, before, after);
    return 0;
}

/* The entry that has the type of a variable: itself, or what it completes. */
static uint64_t typed(Dwarf_Die variable)
{
    if (hf_die_has(variable, DW_AT_type))
        return hf_die_offset(variable);
    uint64_t declared = hf_die_reference(variable, DW_AT_specification);
    return declared != HF_DIE_NONE ? declared : hf_die_reference(variable, DW_AT_abstract_origin);
}

static uint64_t find_placed(Dwarf_Debug dwarf, Dwarf_Die parent, const struct hf_symbol *symbol, unsigned depth)
{
    HF_DIE Dwarf_Die child = NULL;
    uint64_t found = HF_DIE_NONE, address;
    bool thread;

    while (found == HF_DIE_NONE && hf_die_next(dwarf, parent, &child) > 0) {
        Dwarf_Half tag = hf_die_tag(child);
        if (tag == DW_TAG_variable && hf_die_place(child, &address, &thread) && address == symbol->address &&
            thread == (symbol->type == STT_TLS))
            found = typed(child);
        else if (tag == DW_TAG_lexical_block && depth < MAX_DEPTH)
            found = find_placed(dwarf, child, symbol, depth + 1);
    }
    return found;
}

/* Several functions of the patch, or blocks of one, may have a variable of this name. */
static int find_alike(const struct hf_reach *reach, Dwarf_Debug dwarf, Dwarf_Die before, uint64_t *after,
                      struct hotfix_error *err)
{
    const char *name = hf_die_text(before, DW_AT_name);
    HF_FREE char *wanted = hf_type_text(dwarf, before);

    if (!wanted)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; name && i < reach->inner_count; i++) {
        const struct hf_inner_name *inner = &reach->inner[i];
        if (inner->space != HF_NAME_VARIABLE || strcmp(inner->name, name) != 0)
            continue;
        HF_DIE Dwarf_Die die = hf_die_at(reach->dwarf, inner->offset);
        HF_FREE char *type = die ? hf_type_text(reach->dwarf, die) : NULL;
        if (type && strcmp(type, wanted) == 0) {
            *after = inner->offset;
            return 0;
        }
    }
    return 0;
}

int hf_view_placed(const struct hf_view *view, const struct hf_check_subject *subject, const struct hf_symbol *symbol,
                   uint64_t *before, uint64_t *after, struct hotfix_error *err)
{
    const struct hf_dwarf *dwarf = subject->target->dwarf;
    uint64_t found = HF_DIE_NONE;

    for (size_t i = 0; found == HF_DIE_NONE && i < dwarf->subprogram_count; i++) {
        if (dwarf->subprograms[i].unit != view->unit)
            continue;
        HF_DIE Dwarf_Die function = hf_die_at(dwarf->handle, dwarf->subprograms[i].offset);
        found = function ? find_placed(dwarf->handle, function, symbol, 0) : HF_DIE_NONE;
    }
    HF_DIE Dwarf_Die placed = found == HF_DIE_NONE ? NULL : hf_die_at(dwarf->handle, found);
    if (!placed)
        return 0;
    *before = found;
    return find_alike(&view->patch_reach, dwarf->handle, placed, after, err);
}

uint64_t hf_view_defined(struct hf_dwarf *dwarf, const struct hf_symbol *symbol)
{
    uint64_t found = HF_DIE_NONE;

    for (size_t i = 0; found == HF_DIE_NONE && i < dwarf->unit_count; i++) {
        hf_dwarf_enter(dwarf, i);
        HF_DIE Dwarf_Die unit = hf_die_at(dwarf->handle, dwarf->units[i].offset);
        if (unit)
            found = find_placed(dwarf->handle, unit, symbol, MAX_DEPTH);
    }
    return found;
}

/* The unit that an offset lies in; unit_count when it lies in none. */
static size_t unit_at(const struct hf_dwarf *dwarf, uint64_t offset)
{
    size_t low = 0, high = dwarf->unit_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (dwarf->units[middle].end <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < dwarf->unit_count && offset >= dwarf->units[low].offset ? low : dwarf->unit_count;
}

bool hf_views_include(const struct hf_views *views, const struct hf_dwarf *dwarf, uint64_t offset)
{
    size_t unit = unit_at(dwarf, offset);

    for (size_t i = 0; i < views->count; i++)
        if (views->items[i]->unit == unit)
            return true;
    return false;
}

int hf_view_locate(struct hf_dwarf *dwarf, const struct hf_definition *definition, char *text, struct hotfix_error *err)
{
    const char *source = "";
    size_t unit = definition->offset == HF_DIE_NONE ? dwarf->unit_count : unit_at(dwarf, definition->offset);

    snprintf(text, HF_VIEW_PLACE, "unknown source");
    if (unit < dwarf->unit_count) {
        const struct hf_subprogram where = {.unit = unit, .file = definition->file};
        if (hf_dwarf_source(dwarf, &where, &source, err) != 0)
            return -1;
    }
    if (*source)
        snprintf(text, HF_VIEW_PLACE, "%s:%u", hf_base_name(source), definition->line);
    return 0;
}
