/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applied/assumptions.h"
#include "applied/registry.h"
#include "arch.h"
#include "cleanup.h"
#include "digest.h"
#include "error.h"
#include "process/proc.h"
#include "switch/patcher.h"
#include "verify/check.h"
#include "verify/copies.h"
#include "verify/host.h"
#include "verify/winner.h"

static int check_code(const struct hf_manifest_function *function, const struct hf_module *target,
                      struct hotfix_error *err)
{
    if (!hf_module_contains(target, function->offset, function->size, PF_R | PF_X))
        return hf_error(err, HOTFIX_FORMAT, "function %s: it does not lie in the code of %s", function->name,
                        target->path[0] ? target->path : "the main program");

    for (size_t i = 0; i < function->cold.count; i++)
        if (!hf_module_contains(target, function->cold.items[i].offset, function->cold.items[i].size, PF_R | PF_X))
            return hf_error(err, HOTFIX_FORMAT, "function %s: its cold part does not lie in the code of %s",
                            function->name, target->path[0] ? target->path : "the main program");

    const void *address = (const void *)(target->base + function->offset);
    HF_FREE uint8_t *code = malloc(function->size);
    if (!code)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    memcpy(code, address, function->size);
    hf_patcher_original(address, code, function->size);

    struct hf_digest digest;
    if (hf_digest_compute(code, function->size, &digest, err) != 0)
        return -1;
    if (!hf_digest_equal(&digest, &function->digest))
        return hf_error(
            err, HOTFIX_CODE_DIFFERS,
            "function %s: its code in memory is not what the bundle was made for; a debugger, another patch "
            "or an edited file can be the reason",
            function->name);
    return 0;
}

/* Bundles stack only on whole functions, and only by one way of switching. */
static int check_stacking(const struct hf_manifest_function *function, const struct hotfix_patcher *patcher,
                          const struct hf_module *target, struct hotfix_error *err)
{
    const struct hf_applied *owner = NULL;
    const void *address = (const void *)(target->base + function->offset);
    const struct hotfix_function *other = hf_registry_overlap(address, function->size, &owner);
    if (!other)
        return 0;

    if (other->old_address != address || other->old_size != function->size ||
        other->entry_skip != function->detour_skip)
        return hf_error(err, HOTFIX_INCOMPATIBLE, "function %s: applied bundle %s %s sees its bytes as part of %s",
                        function->name, owner->manifest.name, owner->manifest.version, other->name);
    if (owner->patcher != patcher)
        return hf_error(err, HOTFIX_PATCHER,
                        "function %s: applied bundle %s %s switched it through another patcher (%s); revert that first",
                        function->name, owner->manifest.name, owner->manifest.version, owner->patcher->name);
    return 0;
}

static int check_function(const struct hf_manifest_function *function, const struct hotfix_patcher *patcher,
                          const struct hf_module *target, struct hotfix_error *err)
{
    if (function->size == 0 || function->detour_skip >= function->size)
        return hf_error(err, HOTFIX_FORMAT, "function %s: a landing pad of %u bytes in a function of %llu",
                        function->name, function->detour_skip, (unsigned long long)function->size);
    if (check_code(function, target, err) != 0)
        return -1;
    return check_stacking(function, patcher, target, err);
}

/* One stop switches through one patcher. */
static int check_superseded(const struct hf_manifest *manifest, const struct hotfix_patcher *patcher,
                            struct hotfix_error *err)
{
    for (const struct hf_applied *applied = hf_registry_first(); applied; applied = applied->next)
        if (hf_registry_supersedes(manifest, applied) && applied->patcher != patcher)
            return hf_error(err, HOTFIX_PATCHER,
                            "applied bundle %s %s, which this one supersedes, was applied through another patcher "
                            "(%s); revert that first, or apply through that patcher",
                            applied->manifest.name, applied->manifest.version, applied->patcher->name);
    return 0;
}

static int check_callers(const struct hf_manifest *manifest, const struct hf_module *target, struct hotfix_error *err)
{
    for (size_t i = 0; i < manifest->caller_count; i++)
        for (size_t k = 0; k < manifest->callers[i].code.count; k++)
            if (!hf_module_contains(target, manifest->callers[i].code.items[k].offset,
                                    manifest->callers[i].code.items[k].size, PF_R | PF_X))
                return hf_error(err, HOTFIX_FORMAT, "caller %s: it does not lie in the code of %s",
                                manifest->callers[i].name, target->path[0] ? target->path : "the main program");
    return 0;
}

int hf_check_bundle(const struct hf_manifest *manifest, struct hotfix_error *err)
{
    if (strcmp(manifest->arch, hf_arch_host.name) != 0)
        return hf_error(err, HOTFIX_INCOMPATIBLE, "the bundle is for %s, this process runs on %s", manifest->arch,
                        hf_arch_host.name);
    if (hf_registry_find(manifest->id))
        return hf_error(err, HOTFIX_APPLIED, "bundle %s %s is applied already", manifest->name, manifest->version);
    const struct hf_applied *successor = hf_registry_successor(manifest->id);
    if (successor)
        return hf_error(err, HOTFIX_REPLAYED,
                        "the bundle is an old one: %s %s, which supersedes it, is applied; revert that first",
                        successor->manifest.name, successor->manifest.version);
    return 0;
}

int hf_check_target(const struct hf_manifest *manifest, const struct hotfix_patcher *patcher, struct hf_module *target,
                    struct hotfix_error *err)
{
    if (hf_check_bundle(manifest, err) != 0 || check_superseded(manifest, patcher, err) != 0 ||
        hf_proc_check(getpid(), gettid(), err) != 0)
        return -1;

    struct hf_module module = {0};
    if (hf_module_find(&manifest->target_build_id, &module, err) != 0)
        return hf_error_prefix(err, "target %s", manifest->target_name);
    for (size_t i = 0; i < manifest->function_count; i++) {
        if (check_function(&manifest->functions[i], patcher, &module, err) != 0) {
            hf_module_deinit(&module);
            return -1;
        }
    }
    if (check_callers(manifest, &module, err) != 0 || hf_assumptions_check(manifest, &module, err) != 0 ||
        hf_check_winners(manifest, &module, err) != 0 || hf_check_copies(manifest, &module, err) != 0 ||
        hf_check_host(manifest, err) != 0) {
        hf_module_deinit(&module);
        return -1;
    }
    *target = module;
    return 0;
}

static int check_hook(uint64_t offset, const char *name, const struct hf_module *patch, struct hotfix_error *err)
{
    if (offset != 0 && !hf_module_contains(patch, offset, 1, PF_X))
        return hf_error(err, HOTFIX_FORMAT, "%s does not lie in the code of patch.so", name);
    return 0;
}

int hf_check_patch(const struct hf_manifest *manifest, const struct hf_module *patch, struct hotfix_error *err)
{
    for (size_t i = 0; i < manifest->function_count; i++) {
        const struct hf_manifest_function *function = &manifest->functions[i];
        if (function->replacement_size == 0 ||
            !hf_module_contains(patch, function->replacement, function->replacement_size, PF_X))
            return hf_error(err, HOTFIX_FORMAT, "function %s: its replacement does not lie in the code of patch.so",
                            function->name);
    }
    for (size_t i = 0; i < manifest->caller_count; i++)
        for (size_t k = 0; k < manifest->callers[i].replacement_code.count; k++)
            if (!hf_module_contains(patch, manifest->callers[i].replacement_code.items[k].offset,
                                    manifest->callers[i].replacement_code.items[k].size, PF_X))
                return hf_error(err, HOTFIX_FORMAT, "caller %s: it does not lie in the code of patch.so",
                                manifest->callers[i].name);
    if (check_hook(manifest->on_apply, "hotfix_on_apply", patch, err) != 0)
        return -1;
    return check_hook(manifest->on_revert, "hotfix_on_revert", patch, err);
}
