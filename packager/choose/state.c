/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choose/stored.h"
#include "cleanup.h"
#include "dwarf/die.h"
#include "elf/demangle.h"
#include "error.h"
#include "object/debuginfo.h"

#define MAX_DEPTH 256 /* scopes within scopes */

/* A variable that is declared and lies nowhere; or does, where `placed`. */
struct sighting {
    char *function; /* "" at file scope */
    char *name;
    bool placed;
};

struct sightings {
    struct sighting *items;
    size_t count;
    bool known; /* there is debug information */
};

static void sightings_deinit(struct sightings *sightings)
{
    for (size_t i = 0; i < sightings->count; i++) {
        free(sightings->items[i].function);
        free(sightings->items[i].name);
    }
    free(sightings->items);
}
#define SIGHTINGS __attribute__((cleanup(sightings_deinit)))

static int add(struct sightings *sightings, const char *function, const char *name, bool placed)
{
    struct sighting *grown = reallocarray(sightings->items, sightings->count + 1, sizeof(*grown));

    if (!grown)
        return -1;
    sightings->items = grown;
    struct sighting *sighting = &grown[sightings->count++];
    *sighting = (struct sighting){strdup(function), strdup(name), placed};
    return sighting->function && sighting->name ? 0 : -1;
}

/* The entry, or the one that it is a copy of or completes. */
static Dwarf_Die declaration_of(Dwarf_Debug dwarf, Dwarf_Die die)
{
    uint64_t origin = hf_die_reference(die, DW_AT_abstract_origin);

    if (origin == HF_DIE_NONE)
        origin = hf_die_reference(die, DW_AT_specification);
    return origin == HF_DIE_NONE ? NULL : hf_die_at(dwarf, origin);
}

static int take_variable(struct sightings *sightings, Dwarf_Debug dwarf, Dwarf_Die die, const char *function)
{
    HF_DIE Dwarf_Die declaration = declaration_of(dwarf, die);
    const char *name = hf_die_text(declaration ? declaration : die, DW_AT_name);
    /* Constants of functions have a value and never had a place. */
    bool placed = hf_die_has(die, DW_AT_location) || (*function && hf_die_has(die, DW_AT_const_value));

    return name && !hf_die_has(die, DW_AT_declaration) ? add(sightings, function, name, placed) : 0;
}

static int walk(struct sightings *sightings, Dwarf_Debug dwarf, Dwarf_Die parent, const char *function, int depth);

/* clang puts the static variables of a function that is inlined everywhere into an entry without a name: each of these
 * entries is a function of its own. */
static int walk_function(struct sightings *sightings, Dwarf_Debug dwarf, Dwarf_Die die)
{
    HF_DIE Dwarf_Die declaration = declaration_of(dwarf, die);
    const char *name = hf_die_text(declaration ? declaration : die, DW_AT_name);
    char number[32];

    snprintf(number, sizeof(number), "%#" PRIx64, hf_die_offset(die));
    return walk(sightings, dwarf, die, name ? name : number, 1);
}

static int walk(struct sightings *sightings, Dwarf_Debug dwarf, Dwarf_Die parent, const char *function, int depth)
{
    Dwarf_Die child = NULL;
    int more;

    while ((more = hf_die_next(dwarf, parent, &child)) > 0) {
        Dwarf_Half tag = hf_die_tag(child);
        int failed = 0;
        if (tag == DW_TAG_variable) {
            failed = take_variable(sightings, dwarf, child, function);
        } else if (tag == DW_TAG_subprogram && depth == 0) {
            failed = walk_function(sightings, dwarf, child);
        } else if ((tag == DW_TAG_lexical_block && depth < MAX_DEPTH) || tag == DW_TAG_namespace) {
            failed = walk(sightings, dwarf, child, function, tag == DW_TAG_namespace ? depth : depth + 1);
        }
        if (failed) {
            dwarf_dealloc_die(child);
            return -1;
        }
    }
    return more;
}

static int read_unit(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg)
{
    return walk(arg, dwarf, unit, "", 0);
}

static int read_object(const struct hf_object *object, struct sightings *sightings, struct hotfix_error *err)
{
    HF_DEBUGINFO struct hf_debuginfo *info = NULL;

    if (hf_debuginfo_open(object, &info, err) != 0)
        return -1;
    sightings->known = info != NULL;
    if (info && hf_debuginfo_units(info, read_unit, sightings) != 0)
        return hf_error(err, HOTFIX_FORMAT, "%s: its debug information is damaged", object->path);
    return 0;
}

/* How the source calls the variable of a symbol, without scopes and numbers. */
struct plain {
    char *name; /* owned */
    bool local; /* of a function */
    bool whole; /* the symbol is nothing but the name */
};

/* "count" of "next(int)::count", with the version of its type in brackets left out. malloc'ed; NULL for no memory. */
static char *last_of(const char *scoped)
{
    const char *name = scoped;

    for (const char *at = scoped; (at = strstr(at, "::")); at += 2)
        name = at + 2;
    return strndup(name, strcspn(name, "["));
}

/* "count" of "count.3" (gcc), of "parse.count.1" (clang) and of "_ZZ5parsePKcE5count" (C++). -1 when out of memory. */
static int read_plain(const char *text, struct plain *plain)
{
    HF_FREE char *scoped = hf_demangle(text, HF_DEMANGLE_NAME);
    size_t end = hf_name_stem(text), begin = end;

    while (begin > 0 && text[begin - 1] != '.')
        begin--;
    if (scoped)
        *plain = (struct plain){.name = last_of(scoped), .local = strncmp(text, "_ZZ", 3) == 0};
    else
        *plain = (struct plain){
            .name = strndup(text + begin, end - begin), .local = begin > 0 || text[end] != '\0', .whole = begin == 0};
    return plain->name ? 0 : -1;
}

static void plain_deinit(struct plain *plain)
{
    free(plain->name);
}
#define PLAIN __attribute__((cleanup(plain_deinit)))

/* Does the object have the variable in one piece? */
static bool has_whole(const struct hf_object *object, const char *name)
{
    for (size_t i = 1; i < object->part_count; i++)
        for (size_t k = 0; k < object->parts[i].name_count; k++)
            if (strcmp(object->parts[i].names[k]->text, name) == 0)
                return true;
    return false;
}

/*
 * Does the other side declare a variable of this name, and give it no place? At file scope, or in a function: which one
 * declares the variable is not asked, since a function may have been renamed. clang splits structures at file scope
 * into variables of their own, "item.1": one that has no counterpart is left out, though other parts of the structure
 * have a place.
 */
static bool left_out(const struct hf_object *object, const struct sightings *sightings, const char *text)
{
    PLAIN struct plain plain = {.name = NULL};

    if (read_plain(text, &plain) != 0)
        return true;
    for (size_t i = 0; i < sightings->count; i++) {
        const struct sighting *sighting = &sightings->items[i];
        if (strcmp(sighting->name, plain.name) != 0)
            continue;
        if (plain.local && plain.whole && !sighting->function[0] && !has_whole(object, sighting->name))
            return true;
        if (sighting->placed || plain.local != (sighting->function[0] != '\0'))
            continue;
        bool elsewhere = false;
        for (size_t k = 0; k < sightings->count && !elsewhere; k++)
            elsewhere = sightings->items[k].placed && strcmp(sightings->items[k].name, sighting->name) == 0 &&
                        strcmp(sightings->items[k].function, sighting->function) == 0;
        if (!elsewhere)
            return true;
    }
    return false;
}

static bool is_state(const struct hf_part *part)
{
    /* A guard goes with its variable. */
    return (part->kind == HF_PART_DATA || part->kind == HF_PART_ZERO) && !part->anonymous && part->name_count > 0 &&
           strncmp(part->names[0]->text, "_ZGV", 4) != 0;
}

/* The release's compiler left out what the patch brings now. */
static int check_new(const struct hf_pairing *pairing, struct sightings *old, struct hotfix_error *err)
{
    for (size_t i = 1; i < pairing->after->part_count; i++) {
        const struct hf_part *part = &pairing->after->parts[i];
        if (!is_state(part) || part->twin || !(part->marks & HF_MARK_KEPT))
            continue;
        if (!old->items && !old->known && read_object(pairing->before, old, err) != 0)
            return -1;
        for (size_t k = 0; k < part->name_count; k++)
            if (left_out(pairing->before, old, part->names[k]->text))
                return hf_error(
                    err, HOTFIX_UNPROVEN,
                    "%s: variable '%s' is in the source of the release, but its compiler left it out, since "
                    "nothing used its value: what it would hold by now is nowhere; if it may begin anew, "
                    "give it another name",
                    pairing->after->name, part->names[k]->text);
    }
    return 0;
}

/* clang puts a small variable that nothing writes to any more among the constants that linkers merge. */
static bool became_constant(const struct hf_object *object, const char *text)
{
    for (size_t i = 1; i < object->part_count; i++)
        for (size_t k = 0; object->parts[i].kind == HF_PART_MERGE && k < object->parts[i].name_count; k++)
            if (strcmp(object->parts[i].names[k]->text, text) == 0)
                return true;
    return false;
}

/* The new compiler left out what the target has, or made a constant of it. */
static int check_gone(const struct hf_pairing *pairing, struct sightings *new, struct hotfix_error *err)
{
    for (size_t i = 1; i < pairing->before->part_count; i++) {
        const struct hf_part *part = &pairing->before->parts[i];
        if (!is_state(part) || part->twin)
            continue;
        if (!new->items && !new->known && read_object(pairing->after, new, err) != 0)
            return -1;
        for (size_t k = 0; k < part->name_count; k++)
            if (became_constant(pairing->after, part->names[k]->text) ||
                left_out(pairing->after, new, part->names[k]->text))
                return hf_error(err, HOTFIX_UNPROVEN,
                                "%s: the fix still declares variable '%s', but its compiler left it out, since nothing "
                                "reads it or nothing writes to it any more: new code may have its initial value in the "
                                "place of what the target holds; declare it volatile, or remove it",
                                pairing->after->name, part->names[k]->text);
    }
    return 0;
}

/* Does code refer to a variable, which may be another object's? */
static bool uses(const struct hf_part *code, const struct hf_part *variable)
{
    const struct hf_name *name = variable->names[0];
    int64_t offset;

    for (size_t i = 0; i < code->reference_count; i++) {
        const struct hf_name *to = code->references[i].name;
        bool foreign = !to->part && name->binding != STB_LOCAL && strcmp(to->text, name->text) == 0;
        if (foreign || hf_reference_part(&code->references[i], &offset) == variable)
            return true;
    }
    return false;
}

/* A function that used the old variable before and uses the new one in its place. */
static bool changes_over(const struct hf_object *after, const struct hf_part *old, const struct hf_part *new)
{
    for (size_t i = 1; i < after->part_count; i++) {
        const struct hf_part *code = &after->parts[i];
        if (code->kind == HF_PART_CODE && code->twin && uses(code->twin, old) && uses(code, new))
            return true;
    }
    return false;
}

/* May the new variable be the old one, in another scope, file or structure, or under another name? */
static bool succeeds(const struct hf_pairing *to, const struct hf_part *new, const struct hf_part *old)
{
    PLAIN struct plain was = {.name = NULL};
    PLAIN struct plain is = {.name = NULL};

    if (read_plain(old->names[0]->text, &was) != 0 || read_plain(new->names[0]->text, &is) != 0)
        return true;
    bool local = was.local || is.local;
    if (strcmp(was.name, is.name) == 0 && (old->object == to->before || (!local && old->size == new->size)))
        return true;
    return changes_over(to->after, old, new);
}

static const struct hf_part *find_predecessor(const struct hf_work *work, const struct hf_pairing *to,
                                              const struct hf_part *new)
{
    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_object *before = work->pairings[i].before;
        for (size_t k = 1; before && k < before->part_count; k++)
            if (is_state(&before->parts[k]) && !before->parts[k].twin && succeeds(to, new, &before->parts[k]))
                return &before->parts[k];
    }
    return NULL;
}

/* A new variable takes the place of one that is gone: nothing carries the value over. */
static int check_successors(const struct hf_work *work, const struct hf_pairing *pairing, struct hotfix_error *err)
{
    for (size_t i = 1; i < pairing->after->part_count; i++) {
        const struct hf_part *part = &pairing->after->parts[i];
        bool new = is_state(part) && !part->twin && (part->marks & HF_MARK_KEPT) && !hf_work_adopted(work, part);
        const struct hf_part *old = new ? find_predecessor(work, pairing, part) : NULL;
        if (old)
            return hf_error(err, HOTFIX_UNPROVEN,
                            "%s: variable '%s' is new, and '%s' of %s is gone, in whose place it may be: it would lose "
                            "the value that the program holds; keep the old variable where it is, or, if the new one "
                            "may begin anew, give it a name of its own and keep the old one beside it with "
                            "__attribute__((used))",
                            pairing->after->name, hf_part_title(part), hf_part_title(old), old->object->name);
    }
    return 0;
}

int hf_state_check(struct hf_work *work, struct hotfix_error *err)
{
    for (size_t i = 0; i < work->pairing_count; i++)
        if (check_successors(work, &work->pairings[i], err) != 0)
            return -1;
    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_pairing *pairing = &work->pairings[i];
        SIGHTINGS struct sightings old = {.count = 0};
        SIGHTINGS struct sightings new = {.count = 0};
        if (pairing->before && pairing->after->elf &&
            (check_new(pairing, &old, err) != 0 || check_gone(pairing, &new, err) != 0 ||
             hf_stored_check(pairing, err) != 0))
            return -1;
    }
    return 0;
}
