/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/copies.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>

#include "error.h"
#include "process/linker.h"
#include "process/maps.h"

struct search {
    const struct hf_manifest *manifest;
    const struct hf_module *target;
    struct hf_mapping own;                   /* that the target's first function is in */
    struct hf_mapping other;                 /* that has one of its functions, too */
    const struct hf_manifest_function *copy; /* which */
};

static bool holds(const struct hf_mapping *mapping, uintptr_t address)
{
    return address >= mapping->begin && address < mapping->end;
}

static int find_own(const struct hf_mapping *mapping, void *arg)
{
    struct search *search = arg;

    if (!holds(mapping, search->target->base + search->manifest->functions[0].offset))
        return 0;
    search->own = *mapping;
    return 1;
}

static bool same_file(const struct hf_mapping *a, const struct hf_mapping *b)
{
    return a->inode == b->inode && a->device[0] == b->device[0] && a->device[1] == b->device[1];
}

/* Where in the file a function is. false when the file has no such place. */
static bool place_of(const struct hf_module *module, const struct hf_manifest_function *function, uint64_t *place)
{
    for (size_t i = 0; i < module->phnum; i++) {
        const ElfW(Phdr) *segment = &module->phdr[i];
        if (segment->p_type != PT_LOAD || function->offset < segment->p_vaddr ||
            function->offset - segment->p_vaddr >= segment->p_filesz)
            continue;
        *place = segment->p_offset + (function->offset - segment->p_vaddr);
        return true;
    }
    return false;
}

static bool maps_function(const struct search *search, const struct hf_mapping *mapping,
                          const struct hf_manifest_function *function)
{
    uint64_t place;

    return place_of(search->target, function, &place) && mapping->offset < place + function->size &&
           place < mapping->offset + (mapping->end - mapping->begin);
}

static int find_other(const struct hf_mapping *mapping, void *arg)
{
    struct search *search = arg;
    const struct hf_module *target = search->target;

    if (!mapping->executable || !same_file(mapping, &search->own) ||
        (mapping->begin >= target->begin && mapping->end <= target->end))
        return 0;
    for (size_t i = 0; i < search->manifest->function_count; i++) {
        if (!maps_function(search, mapping, &search->manifest->functions[i]))
            continue;
        search->other = *mapping;
        search->copy = &search->manifest->functions[i];
        return 1;
    }
    return 0;
}

static int unreadable(struct hotfix_error *err)
{
    if (errno == ENOMEM)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    return hf_error_sys(err, HOTFIX_IO, "cannot read /proc/self/maps, which tells whether the target is loaded twice");
}

/* What the dynamic linker tells debuggers: all its namespaces, the first one first. NULL in a program without that. */
static const struct r_debug *first_namespace(void)
{
    const ElfW(Phdr) *phdr = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    size_t count = getauxval(AT_PHNUM);
    const ElfW(Dyn) *dynamic = NULL;
    uintptr_t base = 0;

    for (size_t i = 0; phdr && i < count; i++)
        if (phdr[i].p_type == PT_PHDR)
            base = (uintptr_t)phdr - phdr[i].p_vaddr;
    for (size_t i = 0; phdr && i < count; i++)
        if (phdr[i].p_type == PT_DYNAMIC)
            dynamic = (const ElfW(Dyn) *)(base + phdr[i].p_vaddr);
    for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++)
        if (dynamic->d_tag == DT_DEBUG)
            return (const struct r_debug *)dynamic->d_un.d_ptr;
    return NULL;
}

/* glibc 2.35 tells of more than one. */
static const struct r_debug *next_namespace(const struct r_debug *debug)
{
    const struct {
        struct r_debug base;
        const struct r_debug *next;
    } *extended = (const void *)debug;

    return debug->r_version >= 2 ? extended->next : NULL;
}

/* The other module whose first byte that is. */
static const struct link_map *other_module(const struct hf_module *target, uintptr_t begin)
{
    for (const struct r_debug *debug = first_namespace(); debug; debug = next_namespace(debug))
        for (const struct link_map *map = debug->r_map; map; map = map->l_next)
            if (map->l_addr == begin && (map->l_addr != target->base || (uintptr_t)map->l_ld != target->dynamic))
                return map;
    return NULL;
}

/* A library is mapped from its first byte on, with its headers. */
static bool is_build(uintptr_t begin, size_t size, const struct hf_build_id *build_id)
{
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)begin;
    size_t id_size;

    if (size < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_phoff > size ||
        header->e_phnum > (size - header->e_phoff) / sizeof(ElfW(Phdr)))
        return false;
    struct hf_module module = {
        .base = begin, .phdr = (const ElfW(Phdr) *)(begin + header->e_phoff), .phnum = header->e_phnum};
    const uint8_t *id = hf_module_note(&module, ELF_NOTE_GNU, NT_GNU_BUILD_ID, &id_size);
    return id && id_size == build_id->size && memcmp(id, build_id->bytes, id_size) == 0;
}

static int find_build(const struct hf_mapping *mapping, void *arg)
{
    struct search *search = arg;

    if (!mapping->readable || mapping->inode == 0 || mapping->offset != 0 ||
        !other_module(search->target, mapping->begin) ||
        !is_build(mapping->begin, mapping->end - mapping->begin, &search->manifest->target_build_id))
        return 0;
    search->other = *mapping;
    return 1;
}

/* Meanwhile the dynamic linker unloads nothing. Once is enough. */
static int look_at_namespaces(struct dl_phdr_info *info, size_t size, void *arg)
{
    const struct r_debug *first = first_namespace();

    (void)info;
    (void)size;
    if (!first || !next_namespace(first))
        return INT_MAX;
    int found = hf_maps_each(find_build, arg);
    return found != 0 ? found : INT_MAX;
}

/* Of another file with the same build, as after an upgrade or a copy. */
static int check_namespaces(struct search *search, struct hotfix_error *err)
{
    int found = hf_linker_iterate(look_at_namespaces, search);

    if (found < 0)
        return unreadable(err);
    if (found != 1)
        return 0;
    return hf_error(err, HOTFIX_NO_TARGET,
                    "target %s: the same build is in another namespace of the dynamic linker, too (dlmopen), at %#zx, "
                    "where it would stay as it is; restart the program with a fixed file",
                    search->manifest->target_name, (size_t)search->other.begin);
}

int hf_check_copies(const struct hf_manifest *manifest, const struct hf_module *target, struct hotfix_error *err)
{
    struct search search = {.manifest = manifest, .target = target};

    if (manifest->function_count == 0)
        return 0;
    int found = hf_maps_each(find_own, &search);
    if (found > 0 && search.own.inode != 0)
        found = hf_maps_each(find_other, &search);
    if (found < 0)
        return unreadable(err);
    if (!search.copy)
        return check_namespaces(&search, err);
    return hf_error(err, HOTFIX_NO_TARGET,
                    "target %s: function %s is in this process at %#zx and once more near %#zx, where it would stay as "
                    "it is: the file was loaded into another namespace, too (dlmopen); restart the program with a "
                    "fixed file",
                    manifest->target_name, search.copy->name, (size_t)(target->base + search.copy->offset),
                    (size_t)search.other.begin);
}
