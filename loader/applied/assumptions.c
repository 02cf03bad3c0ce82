/* SPDX-License-Identifier: Apache-2.0 */
#include "applied/assumptions.h"

#include <string.h>

#include "error.h"

static bool brings(const struct hf_manifest *manifest, uint64_t offset)
{
    size_t low = 0, high = manifest->function_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (manifest->functions[middle].offset == offset)
            return true;
        if (manifest->functions[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/*
 * The first function that one bundle relies on and the other one replaces, unless the first bundle replaces it, too; or
 * NULL.
 */
static const struct hf_manifest_assumption *broken(const struct hf_manifest *counting,
                                                   const struct hf_manifest *bringing, bool own_counts)
{
    for (size_t i = 0; i < counting->assumption_count; i++) {
        uint64_t offset = counting->assumptions[i].offset;
        if (brings(bringing, offset) && (own_counts || !brings(counting, offset)))
            return &counting->assumptions[i];
    }
    return NULL;
}

bool hf_assumptions_broken(const struct hf_manifest *manifest, const struct hf_applied *applied)
{
    return broken(&applied->manifest, manifest, true) != NULL;
}

static bool built_on(const struct hf_manifest *manifest, const struct hf_manifest *other)
{
    for (size_t i = 0; i < manifest->built_on.count; i++)
        if (memcmp(manifest->built_on.items[i], other->id, HF_ID_SIZE) == 0)
            return true;
    return false;
}

/*
 * If both replaced a function, only the new bundle's version would run, and the applied bundle's fix would be undone
 * silently.
 */
static int check_shared(const struct hf_manifest *manifest, const struct hf_manifest *other, struct hotfix_error *err)
{
    const struct hf_manifest_function *shared = NULL;

    for (size_t i = 0; i < manifest->function_count && !shared; i++)
        if (brings(other, manifest->functions[i].offset))
            shared = &manifest->functions[i];
    if (!shared)
        return 0;
    if (built_on(other, manifest))
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "function %s: applied bundle %s %s, which was built on this one, has this fix and its own; "
                        "revert that first",
                        shared->name, other->name, other->version);
    return hf_error(
        err, HOTFIX_INCOMPATIBLE,
        "function %s: applied bundle %s %s brings it, too, and its fix would be undone; make this bundle of "
        "both fixes: one that lies over %s (hotfix build --on) or supersedes it (hotfix pack --supersedes)",
        shared->name, other->name, other->version, other->name);
}

static int check_counted(const struct hf_manifest *manifest, const struct hf_manifest *other, struct hotfix_error *err)
{
    const struct hf_manifest_assumption *theirs = broken(other, manifest, true);

    if (theirs)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "function %s: code of applied bundle %s %s was compiled for what it was before, and would "
                        "meet the new one; make this bundle of both fixes: one that lies over %s (hotfix build --on) "
                        "or supersedes it (hotfix pack --supersedes)",
                        theirs->name, other->name, other->version, other->name);
    const struct hf_manifest_assumption *ours = broken(manifest, other, false);
    if (ours)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "function %s: this bundle was compiled for what it is in the release, and applied bundle "
                        "%s %s replaced it; make this bundle of both fixes: one that lies over %s (hotfix build --on) "
                        "or supersedes it (hotfix pack --supersedes)",
                        ours->name, other->name, other->version, other->name);
    return 0;
}

int hf_assumptions_check(const struct hf_manifest *manifest, const struct hf_module *target, struct hotfix_error *err)
{
    for (const struct hf_applied *applied = hf_registry_first(); applied; applied = applied->next) {
        const struct hf_manifest *other = &applied->manifest;
        if (applied->target.base != target->base || hf_registry_supersedes(manifest, applied) ||
            built_on(manifest, other))
            continue;
        if (check_shared(manifest, other, err) != 0 || check_counted(manifest, other, err) != 0)
            return -1;
    }
    return 0;
}
