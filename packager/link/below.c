/* SPDX-License-Identifier: Apache-2.0 */
#include "link/below.h"

#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "patch/base.h"
#include "reference/binding.h"

static int read_bundle(const char *path, struct hf_bundle *bundle, struct hotfix_error *err)
{
    HF_FREE uint8_t *file = NULL;
    size_t size;
    struct hf_signed parts;

    if (hf_file_read(path, HF_BUNDLE_MAX_SIZE, &file, &size, err) != 0)
        return -1;
    if (hf_signed_parse(file, size, &parts, err) != 0 ||
        hf_archive_parse(parts.archive, parts.archive_size, bundle, err) != 0)
        return hf_error_prefix(err, "bundle %s", path);
    hf_bundle_keep(bundle, &file);
    return 0;
}

int hf_below_open(struct hf_work *work, struct hotfix_error *err)
{
    const struct hf_build_request *request = work->request;
    const struct hf_build_id *target = &work->target->image.build_id;

    work->below = calloc(request->on_count + 1, sizeof(*work->below));
    if (!work->below)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < request->on_count; i++) {
        struct hf_bundle *bundle = &work->below[i];
        if (read_bundle(request->on[i], bundle, err) != 0)
            return -1;
        work->below_count++;
        const struct hf_build_id *own = &bundle->manifest.target_build_id;
        if (own->size != target->size || memcmp(own->bytes, target->bytes, own->size) != 0)
            return hf_error(err, HOTFIX_INCOMPATIBLE, "--on %s: it is for %s of another build than %s", request->on[i],
                            bundle->manifest.target_name, request->target);
    }
    return 0;
}

void hf_below_close(struct hf_work *work)
{
    for (size_t i = 0; i < work->below_count; i++)
        hf_bundle_deinit(&work->below[i]);
    free(work->below);
    work->below = NULL;
    work->below_count = 0;
}

/* Addresses of the target's functions that the new objects have another version of, or none. */
struct outdated {
    uint64_t *items;
    size_t count;
};

static int add_outdated(struct hf_work *work, const struct hf_pairing *pairing, struct outdated *outdated,
                        struct hotfix_error *err)
{
    for (size_t i = 1; pairing->before && i < pairing->before->part_count; i++) {
        const struct hf_part *part = &pairing->before->parts[i];
        const struct hf_name *name = part->kind == HF_PART_CODE && !part->family ? hf_part_function(part) : NULL;
        struct hf_anchor anchor;
        if (!name || (part->twin && !(part->twin->marks & HF_MARK_CHANGED)) ||
            hf_locate(work, pairing, part, &anchor, NULL) != 0)
            continue;
        uint64_t *grown = reallocarray(outdated->items, outdated->count + 1, sizeof(*grown));
        if (!grown)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        outdated->items = grown;
        grown[outdated->count++] = anchor.address + name->value;
    }
    return 0;
}

static bool is_outdated(const struct outdated *outdated, uint64_t address)
{
    for (size_t i = 0; i < outdated->count; i++)
        if (outdated->items[i] == address)
            return true;
    return false;
}

static int check_bundle(const struct hf_work *work, size_t index, const struct outdated *outdated,
                        struct hotfix_error *err)
{
    const struct hf_manifest *manifest = &work->below[index].manifest;

    for (size_t i = 0; i < manifest->function_count; i++)
        if (!is_outdated(outdated, manifest->functions[i].offset))
            return hf_error(err, HOTFIX_INCOMPATIBLE,
                            "--on %s: it replaces function %s, which is in the new objects as the release has it: they "
                            "must come from sources with the fix of that bundle, too, and be of all files that it "
                            "changed; or leave --on, and pack with --supersedes where that fix is to be taken back",
                            work->request->on[index], manifest->functions[i].name);
    return 0;
}

int hf_below_check(struct hf_work *work, struct hotfix_error *err)
{
    struct outdated outdated = {.count = 0};
    int failed = 0;

    for (size_t i = 0; work->below_count > 0 && !failed && i < work->pairing_count; i++)
        failed = add_outdated(work, &work->pairings[i], &outdated, err);
    for (size_t i = 0; !failed && i < work->below_count; i++)
        failed = check_bundle(work, i, &outdated, err);
    free(outdated.items);
    return failed;
}

int hf_below_ids(const struct hf_work *work, struct hf_id_list *ids, struct hotfix_error *err)
{
    HF_BASES struct hf_id_list made = {.count = 0};

    for (size_t i = 0; i < work->below_count; i++) {
        const struct hf_manifest *manifest = &work->below[i].manifest;
        if (hf_bases_add(&made, manifest->id, err) != 0)
            return -1;
        for (size_t k = 0; k < manifest->built_on.count; k++)
            if (hf_bases_add(&made, manifest->built_on.items[k], err) != 0)
                return -1;
    }
    *ids = made;
    made = (struct hf_id_list){.count = 0};
    return 0;
}
