/* SPDX-License-Identifier: Apache-2.0 */
/* Will the dynamic linker find everything that the patch refers to, and keep what it defines to itself? */
#include <string.h>

#include "check/check.h"
#include "check/loading/libraries.h"
#include "elf/dynamic.h"

/* Both dynamic sections, and the libraries that the target brings. */
struct world {
    struct hf_dynamic target;
    struct hf_dynamic host; /* empty where it is not known */
    struct hf_dynamic patch;
    struct hf_libraries loaded; /* by the target */
    struct hf_libraries added;  /* by the patch */
};

static void world_deinit(struct world *world)
{
    hf_libraries_deinit(&world->added);
    hf_libraries_deinit(&world->loaded);
    hf_dynamic_deinit(&world->patch);
    hf_dynamic_deinit(&world->host);
    hf_dynamic_deinit(&world->target);
}

static int world_init(const struct hf_check_subject *subject, struct world *world, struct hotfix_error *err)
{
    const struct hf_image *target = &subject->target->image, *patch = &subject->patch->image;

    *world = (struct world){0};
    if (hf_dynamic_read(target, &world->target, err) == 0 &&
        (!subject->host || hf_dynamic_read(subject->host, &world->host, err) == 0) &&
        hf_dynamic_read(patch, &world->patch, err) == 0 &&
        hf_libraries_add(&world->loaded, target, &world->target, err) == 0 &&
        hf_libraries_add(&world->added, patch, &world->patch, err) == 0)
        return 0;
    world_deinit(world);
    return -1;
}

/* Has the target this symbol for itself alone? */
static bool is_private(const struct hf_check_subject *subject, const char *name)
{
    const struct hf_image *image = subject->target->debug ? subject->target->debug : &subject->target->image;

    for (size_t i = 0; i < image->symbol_count; i++)
        if (image->symbols[i].section != SHN_UNDEF && strcmp(image->symbols[i].name, name) == 0)
            return true;
    return false;
}

/* Where the dynamic linker finds a symbol: the first of the target, its libraries and those of the patch that has it.
 */
struct place {
    const char *name; /* "the target", or the library's; NULL: nowhere */
    const char *next; /* another one that has it too, and does not count; NULL: none */
    const struct hf_dynamic_symbol *symbol;
};

static void add_place(struct place *place, const char *name, const struct hf_dynamic_symbol *symbol)
{
    if (!place->name) {
        place->name = name;
        place->symbol = symbol;
    } else if (!place->next && strcmp(place->name, name) != 0) {
        place->next = name;
    }
}

static void add_libraries(const struct hf_libraries *libraries, const char *name, const char *version,
                          struct place *place)
{
    const struct hf_dynamic_symbol *symbol = NULL;

    for (size_t i = 0; (i = hf_libraries_define(libraries, name, version, i, &symbol)) < libraries->count; i++)
        add_place(place, libraries->items[i].name, symbol);
}

static struct place find_place(const struct world *world, const char *name, const char *version)
{
    struct place place = {.name = NULL};
    const struct hf_dynamic_symbol *symbol = hf_dynamic_find(&world->host, name, version);

    /* A program's own symbols come before those of all that it loads. */
    if (symbol)
        add_place(&place, "the program that loads the target", symbol);
    symbol = hf_dynamic_find(&world->target, name, version);
    if (symbol)
        add_place(&place, "the target", symbol);
    add_libraries(&world->loaded, name, version, &place);
    add_libraries(&world->added, name, version, &place);
    return place;
}

static void note_missing(const struct hf_check_subject *subject, const struct world *world,
                         const struct hf_dynamic_symbol *symbol, struct hf_findings *findings)
{
    const struct hf_library *missing = hf_libraries_missing(&world->loaded);
    struct place other = find_place(world, symbol->name, NULL);

    if (!missing)
        missing = hf_libraries_missing(&world->added);
    if (other.name)
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "build the patch with the libraries of the target's machine",
                        "the patch refers to '%s' of version %s, and %s has it in version %s", symbol->name,
                        symbol->version, other.name, other.symbol->version);
    else if (is_private(subject, symbol->name))
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL,
                        "link the target with -rdynamic, or build the patch with 'hotfix build'",
                        "the patch refers to '%s', which the target has but does not export", symbol->name);
    else if (missing)
        hf_findings_add(findings, HF_UNPROVEN, NULL, "install this library here as on the target's machine",
                        "the patch refers to '%s', which may be in %s, which is not on this machine", symbol->name,
                        missing->name);
    else if (hf_image_is_library(&subject->target->image))
        hf_findings_add(findings, HF_UNPROVEN, NULL,
                        strncmp(symbol->name, "hotfix_", strlen("hotfix_")) == 0
                            ? "link the program with libhotfix.so, or with -rdynamic, and accept this by a waiver"
                            : "name that program with --host",
                        "the patch refers to '%s', which only a program that loads the target could define",
                        symbol->name);
    else
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, NULL,
                        "the patch refers to '%s', which neither the target nor any library defines", symbol->name);
}

static void check_symbol(const struct hf_check_subject *subject, const struct world *world,
                         const struct hf_dynamic_symbol *symbol, struct hf_findings *findings)
{
    struct place place = find_place(world, symbol->name, symbol->version);

    if (!place.name)
        note_missing(subject, world, symbol, findings);
    else if ((symbol->type == STT_TLS) != (place.symbol->type == STT_TLS))
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "declare it with __thread, or without, as it is defined",
                        "the patch refers to '%s' as %s thread-local, unlike what %s has", symbol->name,
                        symbol->type == STT_TLS ? "something" : "something not", place.name);
    else if (place.next)
        hf_findings_add(findings, HF_COMPATIBLE, NULL, NULL,
                        "'%s' is that of %s, for the target too; %s, which comes later, has one as well", symbol->name,
                        place.name, place.next);
}

/*
 * The dynamic linker keeps a table of unique symbols: the patch would use the first one of its name, that of an earlier
 * patch too, and would never be unloaded. One that the target uses is in that table before.
 */
static void check_unique(const struct world *world, const struct hf_dynamic_symbol *symbol,
                         struct hf_findings *findings)
{
    struct place place = find_place(world, symbol->name, NULL);

    if (!place.name || !place.symbol->unique)
        hf_findings_add(findings, HF_INCOMPATIBLE, NULL, "compile it with -fno-gnu-unique",
                        "the patch defines '%s' as a unique symbol (STB_GNU_UNIQUE): it would share the first one of "
                        "that name in the process, an earlier patch's too, and could not be unloaded",
                        symbol->name);
}

/* A library that comes with the patch runs its constructors in the process. */
static void check_libraries(const struct world *world, struct hf_findings *findings)
{
    for (size_t i = 0; i < world->patch.needed_count; i++)
        if (!hf_libraries_find(&world->loaded, world->patch.needed[i]))
            hf_findings_add(findings, HF_UNPROVEN, NULL, NULL, "the patch needs %s, which the target does not load",
                            world->patch.needed[i]);
}

static int run(const struct hf_check_subject *subject, struct hf_findings *findings, struct hotfix_error *err)
{
    struct world world;
    size_t count = 0;

    if (world_init(subject, &world, err) != 0)
        return -1;
    check_libraries(&world, findings);
    for (size_t i = 0; i < world.patch.symbol_count; i++) {
        const struct hf_dynamic_symbol *symbol = &world.patch.symbols[i];
        if (symbol->defined && symbol->unique)
            check_unique(&world, symbol, findings);
        if (symbol->defined || symbol->weak || symbol->type == STT_SECTION)
            continue;
        count++;
        check_symbol(subject, &world, symbol, findings);
    }
    if (hf_findings_clean(findings))
        hf_findings_add(
            findings, HF_COMPATIBLE, NULL, NULL,
            "all %zu symbols that the patch refers to are exported by the target or its libraries, in the version "
            "that it asks for",
            count);
    world_deinit(&world);
    return 0;
}

const struct hf_check hf_check_symbols = {"symbols", "definitions for all that the patch refers to", HF_ACCEPT_UNPROVEN,
                                          run};
