/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/encounters.h"

#include <stdlib.h>
#include <string.h>

#include "cli/plain.h"
#include "error.h"
#include "patch/world.h"

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

int hf_compose_encounters(const struct hf_image *patch, struct hf_manifest *manifest, struct hotfix_error *err)
{
    HF_WORLD struct hf_world_table table = {.count = 0};
    int found = hf_world_read(patch, &table, err);

    if (found <= 0)
        return found;
    if (table.target.size != manifest->target_build_id.size ||
        memcmp(table.target.bytes, manifest->target_build_id.bytes, table.target.size) != 0)
        return hf_error(err, HOTFIX_INCOMPATIBLE, "%s: was built for another build of %s", patch->path,
                        manifest->target_name);
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
