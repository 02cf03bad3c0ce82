/* SPDX-License-Identifier: Apache-2.0 */
#include "process/assumptions.h"

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

/* Once such a bundle is applied on top, nothing new enters the other one's code. */
static bool replaces_all(const struct hf_manifest *manifest, const struct hf_manifest *other)
{
    for (size_t i = 0; i < other->function_count; i++)
        if (!brings(manifest, other->functions[i].offset))
            return false;
    return true;
}

/* The first thing that one bundle counts on and the other one brings, unless it brings its own version; or NULL. */
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

int hf_assumptions_check(const struct hf_manifest *manifest, const struct hf_module *target, struct hotfix_error *err)
{
    for (const struct hf_applied *applied = hf_registry_first(); applied; applied = applied->next) {
        const struct hf_manifest *other = &applied->manifest;
        if (applied->target.base != target->base || hf_registry_supersedes(manifest, applied))
            continue;
        const struct hf_manifest_assumption *theirs =
            replaces_all(manifest, other) ? NULL : broken(other, manifest, true);
        if (theirs)
            return hf_error(err, HOTFIX_INCOMPATIBLE,
                            "function %s: code of applied bundle %s %s was compiled for what it was before, and would "
                            "meet the new one; make one bundle of both fixes that supersedes %s",
                            theirs->name, other->name, other->version, other->name);
        const struct hf_manifest_assumption *ours = broken(manifest, other, false);
        if (ours)
            return hf_error(err, HOTFIX_INCOMPATIBLE,
                            "function %s: this bundle was compiled for what it is in the release, and applied bundle "
                            "%s %s replaced it; make one bundle of both fixes that supersedes %s",
                            ours->name, other->name, other->version, other->name);
    }
    return 0;
}
