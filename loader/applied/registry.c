/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "applied/registry.h"
#include "digest.h"
#include "error.h"

static struct hf_applied *first;

static void resolve(struct hf_applied *applied, size_t i)
{
    const struct hf_manifest_function *from = &applied->manifest.functions[i];
    uint8_t *address = (uint8_t *)applied->target.base + from->offset;

    applied->functions[i] = (struct hotfix_function){
        .size = sizeof(struct hotfix_function),
        .name = from->name,
        .source = from->source,
        .old_address = address,
        .old_size = from->size,
        .new_size = from->replacement_size,
        .previous_address = hf_registry_previous(NULL, address),
        .entry_skip = from->detour_skip,
    };
}

/*
 * The bundles that a bundle supersedes are removed and forgotten. Bundles that those had superseded are at least as
 * old, and must not be applied over the newest one either.
 */
static uint8_t (*inherit(const struct hf_manifest *manifest, size_t *total))[HF_ID_SIZE]
{
    size_t count = manifest->supersedes.count;

    for (const struct hf_applied *applied = first; applied; applied = applied->next)
        count += hf_registry_supersedes(manifest, applied) ? applied->outdated_count : 0;
    uint8_t(*outdated)[HF_ID_SIZE] = calloc(count + 1, sizeof(*outdated));
    if (!outdated)
        return NULL;
    *total = manifest->supersedes.count;
    for (size_t i = 0; i < *total; i++)
        memcpy(outdated[i], manifest->supersedes.items[i], HF_ID_SIZE);
    for (const struct hf_applied *applied = first; applied; applied = applied->next)
        for (size_t i = 0; i < applied->outdated_count && hf_registry_supersedes(manifest, applied); i++)
            memcpy(outdated[(*total)++], applied->outdated[i], HF_ID_SIZE);
    return outdated;
}

int hf_applied_create(struct hf_manifest *manifest, struct hf_module *target, const struct hotfix_patcher *patcher,
                      struct hf_applied **applied, struct hotfix_error *err)
{
    struct hf_applied *entry = calloc(1, sizeof(*entry));
    struct hotfix_function *functions = calloc(manifest->function_count + 1, sizeof(*functions));
    size_t outdated_count = 0;
    uint8_t(*outdated)[HF_ID_SIZE] = inherit(manifest, &outdated_count);
    if (!entry || !functions || !outdated) {
        free(entry);
        free(functions);
        free(outdated);
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }

    entry->manifest = *manifest;
    hf_manifest_init(manifest);
    entry->target = *target;
    *target = (struct hf_module){0};
    entry->patcher = patcher;
    entry->functions = functions;
    entry->function_count = entry->manifest.function_count;
    entry->outdated = outdated;
    entry->outdated_count = outdated_count;
    for (size_t i = 0; i < entry->function_count; i++)
        resolve(entry, i);
    *applied = entry;
    return 0;
}

void hf_applied_destroy(struct hf_applied *applied)
{
    if (!applied)
        return;
    hf_manifest_deinit(&applied->manifest);
    hf_module_deinit(&applied->target);
    /* Nothing is to look like a pointer into a patch that may be unloaded. */
    explicit_bzero(applied->functions, applied->function_count * sizeof(applied->functions[0]));
    free(applied->functions);
    free(applied->outdated);
    free(applied);
}

struct hf_applied *hf_registry_first(void)
{
    return first;
}

struct hf_applied *hf_registry_last(void)
{
    struct hf_applied *last = first;

    while (last && last->next)
        last = last->next;
    return last;
}

struct hf_applied *hf_registry_find(const uint8_t id[HF_ID_SIZE])
{
    for (struct hf_applied *applied = first; applied; applied = applied->next)
        if (memcmp(applied->manifest.id, id, HF_ID_SIZE) == 0)
            return applied;
    return NULL;
}

void hf_registry_add(struct hf_applied *applied)
{
    struct hf_applied **link = &first;

    while (*link)
        link = &(*link)->next;
    applied->next = NULL;
    *link = applied;
}

void hf_registry_remove(struct hf_applied *applied)
{
    for (struct hf_applied **link = &first; *link; link = &(*link)->next) {
        if (*link == applied) {
            *link = applied->next;
            return;
        }
    }
}

void hf_registry_describe(const struct hf_applied *applied, struct hotfix_applied *description)
{
    description->size = sizeof(*description);
    hf_hex_encode(applied->manifest.id, HF_ID_SIZE, description->id);
    memcpy(description->name, applied->manifest.name, sizeof(description->name));
    memcpy(description->version, applied->manifest.version, sizeof(description->version));
    description->function_count = applied->function_count;
}

static int compare_address(const void *address, const void *function)
{
    uintptr_t a = (uintptr_t)address;
    uintptr_t b = (uintptr_t)((const struct hotfix_function *)function)->old_address;

    return (a > b) - (a < b);
}

/* A manifest's functions are ordered by offset. */
const struct hotfix_function *hf_registry_function(const struct hf_applied *applied, const void *address)
{
    return bsearch(address, applied->functions, applied->function_count, sizeof(applied->functions[0]),
                   compare_address);
}

const struct hf_manifest_function *hf_registry_sealed(const struct hf_applied *applied,
                                                      const struct hotfix_function *function)
{
    return &applied->manifest.functions[function - applied->functions];
}

bool hf_registry_counts(const struct hf_applied *applied, const void *address)
{
    for (const struct hf_applied *later = applied->next; later; later = later->next)
        if (hf_registry_function(later, address))
            return false;
    return true;
}

void *hf_registry_previous(const struct hf_applied *applied, void *address)
{
    void *previous = address;

    for (const struct hf_applied *earlier = first; earlier && earlier != applied; earlier = earlier->next) {
        const struct hotfix_function *function = hf_registry_function(earlier, address);
        if (function)
            previous = function->new_address;
    }
    return previous;
}

bool hf_registry_supersedes(const struct hf_manifest *manifest, const struct hf_applied *applied)
{
    for (size_t i = 0; i < manifest->supersedes.count; i++)
        if (memcmp(manifest->supersedes.items[i], applied->manifest.id, HF_ID_SIZE) == 0)
            return true;
    return false;
}

const struct hf_applied *hf_registry_successor(const uint8_t id[HF_ID_SIZE])
{
    for (const struct hf_applied *applied = first; applied; applied = applied->next)
        for (size_t i = 0; i < applied->outdated_count; i++)
            if (memcmp(applied->outdated[i], id, HF_ID_SIZE) == 0)
                return applied;
    return NULL;
}

void *hf_registry_remaining(const struct hf_manifest *manifest, void *address)
{
    void *remaining = address;

    for (const struct hf_applied *applied = first; applied; applied = applied->next) {
        const struct hotfix_function *function = hf_registry_function(applied, address);
        if (function && !hf_registry_supersedes(manifest, applied))
            remaining = function->new_address;
    }
    return remaining;
}

void hf_registry_refresh(void)
{
    for (struct hf_applied *applied = first; applied; applied = applied->next)
        for (size_t i = 0; i < applied->function_count; i++)
            applied->functions[i].previous_address = hf_registry_previous(applied, applied->functions[i].old_address);
}

/* The last of the bundle's functions that begins before an address; NULL when none does. They do not overlap. */
static const struct hotfix_function *function_before(const struct hf_applied *applied, uintptr_t address)
{
    size_t low = 0; /* functions below `low` begin before the address */
    size_t high = applied->function_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((uintptr_t)applied->functions[middle].old_address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &applied->functions[low - 1] : NULL;
}

const struct hotfix_function *hf_registry_overlap(const void *address, size_t size, const struct hf_applied **owner)
{
    const struct hotfix_function *found = NULL;
    uintptr_t begin = (uintptr_t)address;

    for (const struct hf_applied *applied = first; applied; applied = applied->next) {
        const struct hotfix_function *function = function_before(applied, begin + size);
        if (function && begin < (uintptr_t)function->old_address + function->old_size) {
            found = function;
            *owner = applied;
        }
    }
    return found;
}
