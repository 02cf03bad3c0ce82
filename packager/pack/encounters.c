/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/encounters.h"

#include <stdlib.h>
#include <string.h>

#include "check/code/callsites.h"
#include "cleanup.h"
#include "error.h"
#include "patch/base.h"
#include "patch/record.h"
#include "patch/world.h"
#include "ui/plain.h"

static int out_of_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

/* The entry of this function; a new one where there is none yet. NULL when out of memory. */
static struct hf_manifest_caller *find_caller(struct hf_manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->caller_count; i++)
        if (strcmp(manifest->callers[i].name, name) == 0)
            return &manifest->callers[i];
    struct hf_manifest_caller *caller = &manifest->callers[manifest->caller_count];
    *caller = (struct hf_manifest_caller){.name = strdup(name)};
    if (!caller->name)
        return NULL;
    manifest->caller_count++;
    return caller;
}

/* Items of one kind and name follow each other by address; static functions of two files may share a name. */
static int add_caller(struct hf_manifest *manifest, const struct hf_world_item *item, struct hotfix_error *err)
{
    char *name = hf_plain_copy(item->name);
    struct hf_manifest_caller *caller = name ? find_caller(manifest, name) : NULL;

    free(name);
    if (!caller)
        return out_of_memory(err);
    struct hf_code_ranges *ranges = item->kind == HF_WORLD_LEFT_TO_APPLY ? &caller->code : &caller->replacement_code;
    if (ranges->count == HF_CODE_RANGES_MAX)
        return hf_error(err, HOTFIX_FORMAT, "more than %u pieces of %s may be in the way of a switch",
                        HF_CODE_RANGES_MAX, item->name);
    return hf_code_ranges_add(ranges, item->address, item->size) == 0 ? 0 : out_of_memory(err);
}

static int by_offset(const void *a, const void *b)
{
    const struct hf_manifest_assumption *left = a, *right = b;

    return (left->offset > right->offset) - (left->offset < right->offset);
}

static int add_assumption(struct hf_manifest *manifest, const struct hf_world_item *item, struct hotfix_error *err)
{
    struct hf_manifest_assumption *assumption = &manifest->assumptions[manifest->assumption_count++];

    *assumption =
        (struct hf_manifest_assumption){.name = hf_plain_copy(item->name), .offset = item->address, .size = item->size};
    return assumption->name ? 0 : out_of_memory(err);
}

/* One function may have several names. */
static void order_assumptions(struct hf_manifest *manifest)
{
    size_t kept = 0;

    if (manifest->assumption_count > 0)
        qsort(manifest->assumptions, manifest->assumption_count, sizeof(*manifest->assumptions), by_offset);
    for (size_t i = 0; i < manifest->assumption_count; i++) {
        if (kept > 0 && manifest->assumptions[kept - 1].offset == manifest->assumptions[i].offset)
            free(manifest->assumptions[i].name);
        else
            manifest->assumptions[kept++] = manifest->assumptions[i];
    }
    manifest->assumption_count = kept;
}

static int by_range(const void *a, const void *b)
{
    const struct hf_code_range *left = a, *right = b;

    return (left->offset > right->offset) - (left->offset < right->offset);
}

/* A function's code with its cold parts. */
static int add_ranges(uint64_t offset, uint64_t size, const struct hf_code_ranges *cold, struct hf_code_ranges *ranges)
{
    if (hf_code_ranges_add(ranges, offset, size) != 0)
        return -1;
    for (size_t i = 0; i < cold->count; i++)
        if (hf_code_ranges_add(ranges, cold->items[i].offset, cold->items[i].size) != 0)
            return -1;
    qsort(ranges->items, ranges->count, sizeof(*ranges->items), by_range);
    return 0;
}

/* Addresses of functions that were compiled for a picked one. */
struct fitted {
    uint64_t *items;
    size_t count;
    bool failed; /* out of memory */
};

static bool note_fitted(const struct hf_function *caller, void *arg)
{
    struct fitted *fitted = arg;

    if ((fitted->count & (fitted->count - 1)) == 0) {
        uint64_t *grown = reallocarray(fitted->items, fitted->count ? 2 * fitted->count : 1, sizeof(*grown));
        if (!grown) {
            fitted->failed = true;
            return false;
        }
        fitted->items = grown;
    }
    fitted->items[fitted->count++] = caller->address;
    return true;
}

static int by_address(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static int find_fitted(const struct hf_check_subject *subject, struct fitted *fitted, struct hotfix_error *err)
{
    HF_CALLSITES struct hf_callsites callsites = {.subject = NULL};

    if (hf_callsites_read(subject, &callsites, err) != 0)
        return -1;
    for (size_t i = 0; i < subject->pair_count && !fitted->failed; i++)
        hf_callsites_fitted(&callsites, subject->pairs[i].old_function, note_fitted, fitted);
    if (fitted->failed)
        return out_of_memory(err);
    if (fitted->count > 0)
        qsort(fitted->items, fitted->count, sizeof(*fitted->items), by_address);
    return 0;
}

static int compose_by_hand(const struct hf_check_subject *subject, struct hf_manifest *manifest,
                           struct hotfix_error *err)
{
    struct fitted fitted = {.count = 0};
    int result = find_fitted(subject, &fitted, err);
    HF_FREE uint64_t *addresses = fitted.items;

    if (result != 0)
        return -1;
    manifest->callers = calloc(manifest->function_count + 1, sizeof(*manifest->callers));
    if (!manifest->callers)
        return out_of_memory(err);
    for (size_t i = 0; i < manifest->function_count; i++) {
        const struct hf_manifest_function *function = &manifest->functions[i];
        struct hf_manifest_caller *caller = &manifest->callers[manifest->caller_count];
        if (fitted.count == 0 || !bsearch(&function->offset, addresses, fitted.count, sizeof(*addresses), by_address))
            continue;
        *caller = (struct hf_manifest_caller){.name = strdup(function->name)};
        manifest->caller_count++;
        if (!caller->name || add_ranges(function->offset, function->size, &function->cold, &caller->code) != 0 ||
            add_ranges(function->replacement, function->replacement_size, &function->replacement_cold,
                       &caller->replacement_code) != 0)
            return out_of_memory(err);
    }
    return 0;
}

/* Only the whole patch replaces all that the bundles below it do. */
static int compose_bases(const struct hf_check_subject *subject, struct hf_manifest *manifest, struct hotfix_error *err)
{
    const struct hf_image *patch = &subject->patch->image;
    int found = hf_bases_read(patch, &manifest->built_on, err);

    if (found <= 0)
        return found;
    GElf_Shdr header;
    Elf_Scn *section = hf_image_section(patch, HF_RECORDS_SECTION, &header);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
    struct hf_records records;
    if (!data || !data->d_buf)
        return hf_error(err, HOTFIX_FORMAT, "%s: section " HF_RECORDS_SECTION " is missing or empty", patch->path);
    if (hf_records_parse(data->d_buf, data->d_size, &records, err) != 0)
        return hf_error_prefix(err, "%s", patch->path);
    bool whole = manifest->function_count == records.count;
    hf_records_deinit(&records);
    return whole ? 0
                 : hf_error(err, HOTFIX_USAGE,
                            "%s was built on other bundles (hotfix build --on), and replaces what they do only as a "
                            "whole: pick no functions of it",
                            patch->path);
}

int hf_compose_encounters(const struct hf_check_subject *subject, struct hf_manifest *manifest,
                          struct hotfix_error *err)
{
    const struct hf_image *patch = &subject->patch->image;
    HF_WORLD struct hf_world_table table = {.count = 0};
    int found = hf_world_read(patch, &table, err);

    if (found <= 0)
        return found < 0 ? -1 : compose_by_hand(subject, manifest, err);
    if (table.target.size != manifest->target_build_id.size ||
        memcmp(table.target.bytes, manifest->target_build_id.bytes, table.target.size) != 0)
        return hf_error(err, HOTFIX_INCOMPATIBLE, "%s: was built for another build of %s", patch->path,
                        manifest->target_name);
    if (compose_bases(subject, manifest, err) != 0)
        return -1;
    manifest->callers = calloc(table.count + 1, sizeof(*manifest->callers));
    manifest->assumptions = calloc(table.count + 1, sizeof(*manifest->assumptions));
    if (!manifest->callers || !manifest->assumptions)
        return out_of_memory(err);
    for (size_t i = 0; i < table.count; i++) {
        const struct hf_world_item *item = &table.items[i];
        int failed =
            item->kind == HF_WORLD_ASSUMED ? add_assumption(manifest, item, err) : add_caller(manifest, item, err);
        if (failed)
            return -1;
    }
    order_assumptions(manifest);
    return 0;
}
