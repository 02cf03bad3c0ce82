/* SPDX-License-Identifier: Apache-2.0 */
#include "state/fixed.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "enter/judge.h"
#include "error.h"
#include "process/image.h"
#include "state/board.h"
#include "state/entry.h"

#define LOOKS    4         /* at code that is being switched just now */
#define SLEEP_NS 30000000L /* in between */

const char *hf_fixed_name(enum hf_fixed_state state)
{
    static const char *const names[] = {
        [HF_FIXED] = "fixed",           [HF_FIXED_VULNERABLE] = "vulnerable", [HF_FIXED_PARTLY] = "partly",
        [HF_FIXED_PATCHED] = "patched", [HF_FIXED_CHANGED] = "changed",       [HF_FIXED_OTHER_BUILD] = "other-build",
        [HF_FIXED_NONE] = "none"};
    return names[state];
}

/* Functions of all copies, by what they are. */
struct tally {
    size_t old;
    size_t patched;
    size_t changed;
};

static void note_changed(const struct hf_manifest_function *function, struct hf_fixed *fixed, struct tally *tally)
{
    if (tally->changed++ == 0)
        snprintf(fixed->function, sizeof(fixed->function), "%s", function->name);
}

static int count_replaced(const struct hf_entry_place *place, const struct hf_image *patch, bool verify,
                          struct hf_fixed *fixed, struct tally *tally, struct hotfix_error *err)
{
    struct hf_entry_bytes bytes = {.kept = true, .replaced = true};

    if (verify && hf_entry_compare(place, patch, &bytes, err) != 0)
        return -1;
    fixed->unread += bytes.unread;
    if (bytes.kept && bytes.replaced)
        fixed->replaced++;
    else
        note_changed(place->function, fixed, tally);
    return 0;
}

static int count_function(const struct hf_entry_place *place, bool verify, struct hf_fixed *fixed, struct tally *tally,
                          struct hotfix_error *err)
{
    const struct hf_image *patch;
    enum hf_entry entry;

    if (hf_entry_read(place, &entry, &patch, err) != 0)
        return -1;
    fixed->functions++;
    switch (entry) {
    case HF_ENTRY_NEW:
        return count_replaced(place, patch, verify, fixed, tally, err);
    case HF_ENTRY_OLD:
        tally->old++;
        return 0;
    case HF_ENTRY_PATCH:
        tally->patched++;
        hf_entry_bundle(patch, fixed->other);
        return 0;
    default:
        note_changed(place->function, fixed, tally);
        return 0;
    }
}

static bool is_build(const struct hf_image *image, const struct hf_build_id *id)
{
    return image->build_id_size == id->size && memcmp(image->build_id, id->bytes, id->size) == 0;
}

static void find_other_build(const struct hf_images *images, const struct hf_manifest *manifest, struct hf_fixed *fixed)
{
    for (size_t i = 0; i < images->count; i++) {
        const struct hf_image *image = &images->items[i];
        if (!hf_image_is_file(image, manifest->target_name))
            continue;
        fixed->state = HF_FIXED_OTHER_BUILD;
        if (image->build_id_size <= HF_BUILD_ID_MAX)
            hf_hex_encode(image->build_id, image->build_id_size, fixed->other);
    }
}

static enum hf_fixed_state decide(const struct hf_fixed *fixed, const struct tally *tally)
{
    if (tally->changed > 0)
        return HF_FIXED_CHANGED;
    if (tally->patched > 0)
        return HF_FIXED_PATCHED;
    if (tally->old == 0)
        return HF_FIXED;
    return fixed->replaced > 0 ? HF_FIXED_PARTLY : HF_FIXED_VULNERABLE;
}

static int look(const struct hf_target *target, const struct hf_bundle *bundle, bool verify, struct hf_fixed *fixed,
                struct hotfix_error *err)
{
    const struct hf_manifest *manifest = &bundle->manifest;
    struct hf_images images = {0};
    struct tally tally = {0};
    struct hotfix_error error;

    *fixed = (struct hf_fixed){.state = HF_FIXED_NONE};
    memcpy(fixed->name, target->name, sizeof(fixed->name));
    int status = hf_images_read(target, true, &images, err);
    for (size_t i = 0; i < images.count && status == 0; i++) {
        if (!is_build(&images.items[i], &manifest->target_build_id))
            continue;
        fixed->copies++;
        for (size_t j = 0; j < manifest->function_count && status == 0; j++) {
            const struct hf_entry_place place = {target, &images, &images.items[i], bundle, &manifest->functions[j]};
            status = count_function(&place, verify, fixed, &tally, err);
        }
    }
    if (status == 0 && fixed->copies > 0)
        fixed->state = decide(fixed, &tally);
    else if (status == 0)
        find_other_build(&images, manifest, fixed);
    fixed->enterable = status == 0 && hf_judge(target, &images, &error) == 0;
    if (status == 0 && !fixed->enterable)
        memcpy(fixed->why, error.message, sizeof(fixed->why));
    hf_images_deinit(&images);
    return status;
}

static bool is_superseded(const struct hf_manifest *manifest, const char *id)
{
    char text[2 * HF_ID_SIZE + 1];

    for (size_t i = 0; i < manifest->supersedes.count; i++) {
        hf_hex_encode(manifest->supersedes.items[i], HF_ID_SIZE, text);
        if (strcmp(text, id) == 0)
            return true;
    }
    return false;
}

/*
 * Another bundle lies over it. One that was made on this one has its fixes, and the library keeps both applied; of
 * those that this one is to replace, it is known that they do not have its fix. All others are unknown.
 */
static void judge_other(pid_t pid, const struct hf_manifest *manifest, struct hf_fixed *fixed)
{
    char id[2 * HF_ID_SIZE + 1];
    struct hf_state state;

    hf_hex_encode(manifest->id, HF_ID_SIZE, id);
    if (is_superseded(manifest, fixed->other)) {
        fixed->state = HF_FIXED_VULNERABLE;
    } else if (hf_state_read(pid, &state, NULL) == 0) {
        for (size_t i = 0; i < state.board.count && i < HF_AGENT_APPLIED; i++) {
            if (strcmp(state.board.applied[i].id, id) == 0)
                fixed->state = HF_FIXED;
        }
    }
}

int hf_fixed_read(pid_t pid, const struct hf_bundle *bundle, bool verify, struct hf_fixed *fixed,
                  struct hotfix_error *err)
{
    struct hf_target target;

    if (hf_target_open(pid, &target, err) != 0)
        return -1;
    int status = look(&target, bundle, verify, fixed, err);
    /* A switch that is under way shows as one of these; for a moment only. */
    for (int i = 1; i < LOOKS && status == 0; i++) {
        if (fixed->state != HF_FIXED_PARTLY && fixed->state != HF_FIXED_CHANGED)
            break;
        nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
        status = hf_target_remap(&target, err) == 0 ? look(&target, bundle, verify, fixed, err) : -1;
    }
    hf_target_close(&target);
    if (status == 0 && fixed->state == HF_FIXED_PATCHED)
        judge_other(pid, &bundle->manifest, fixed);
    return status;
}
