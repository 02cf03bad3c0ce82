/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/copies.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>

#include "error.h"
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
        return 0;
    return hf_error(err, HOTFIX_NO_TARGET,
                    "target %s: function %s is in this process at %#zx and once more near %#zx, where it would stay as "
                    "it is: the file was loaded into another namespace, too (dlmopen); restart the program with a "
                    "fixed file",
                    manifest->target_name, search.copy->name, (size_t)(target->base + search.copy->offset),
                    (size_t)search.other.begin);
}
