/* SPDX-License-Identifier: Apache-2.0 */
#include "object/unwind.h"

#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "error.h"

#define HEADER_SIZE 8 /* length, and 0 for a common entry or the distance to it */

struct entry {
    uint64_t offset;
    uint64_t size;   /* header included */
    uint64_t common; /* offset of the common entry that it belongs to; its own for those */
};

static bool read_entry(const struct hf_part *part, uint64_t offset, struct entry *entry)
{
    struct hf_cursor cursor;

    hf_cursor_init(&cursor, part->bytes + offset, part->size - offset);
    uint32_t length = hf_cursor_u32(&cursor);
    uint32_t distance = hf_cursor_u32(&cursor);
    entry->offset = offset;
    entry->size = (uint64_t)length + 4;
    if (cursor.failed || length < 4 || length >= 0xfffffff0u || entry->size > part->size - offset ||
        distance > offset + 4)
        return false;
    entry->common = distance ? offset + 4 - distance : offset;
    return true;
}

static uint64_t append(struct hf_unwind *unwind, const struct hf_part *part, const struct entry *entry)
{
    uint64_t at = unwind->size;

    memcpy(unwind->bytes + at, part->bytes + entry->offset, entry->size);
    unwind->size += entry->size;
    for (size_t i = 0; i < part->reference_count; i++) {
        struct hf_reference reference = part->references[i];
        if (unwind->reference_count == part->reference_count || reference.offset < entry->offset ||
            reference.offset - entry->offset >= entry->size)
            continue;
        reference.offset = at + (reference.offset - entry->offset);
        unwind->references[unwind->reference_count++] = reference;
    }
    return at;
}

/* The function that an entry describes: its first reference, right behind the header. */
static const struct hf_part *described(const struct hf_part *part, const struct entry *entry)
{
    int64_t offset;

    for (size_t i = 0; i < part->reference_count; i++)
        if (part->references[i].offset == entry->offset + HEADER_SIZE)
            return hf_reference_part(&part->references[i], &offset);
    return NULL;
}

/* Common entries are kept when the first entry that needs them is; places[] remembers where they went. */
static int cut(const struct hf_part *part, hf_unwind_keep_fn keep, void *arg, uint64_t *places,
               struct hf_unwind *unwind, struct hotfix_error *err)
{
    struct entry entry;
    struct entry common;

    for (uint64_t at = 0; at < part->size; at += entry.size) {
        static const uint8_t zeros[4];
        if (part->size - at >= 4 && memcmp(part->bytes + at, zeros, 4) == 0)
            break;
        if (!read_entry(part, at, &entry) || !read_entry(part, entry.common, &common) || common.common != common.offset)
            return hf_error(err, HOTFIX_FORMAT, "%s: has a damaged .eh_frame", part->object->path);
        const struct hf_part *code = entry.common == entry.offset ? NULL : described(part, &entry);
        if (!code || !keep(code, arg))
            continue;
        uint64_t needed = entry.size + (places[common.offset / 4] == 0 ? common.size : 0);
        if (needed > part->size - unwind->size)
            return hf_error(err, HOTFIX_FORMAT, "%s: has a damaged .eh_frame", part->object->path);
        if (places[common.offset / 4] == 0)
            places[common.offset / 4] = append(unwind, part, &common) + 1;
        uint64_t place = append(unwind, part, &entry);
        hf_put(unwind->bytes + place + 4, place + 4 - (places[common.offset / 4] - 1), 4);
    }
    return 0;
}

int hf_unwind_cut(const struct hf_part *part, hf_unwind_keep_fn keep, void *arg, struct hf_unwind *unwind,
                  struct hotfix_error *err)
{
    struct hf_unwind made = {.size = 0};

    if (part->kind != HF_PART_UNWIND || !part->bytes) {
        *unwind = made;
        return 0;
    }
    /* A common entry is copied once at most, so what is kept is no longer than what there was. */
    uint64_t *places = calloc(part->size / 4 + 1, sizeof(*places));
    made.bytes = malloc(part->size + 1);
    made.references = calloc(part->reference_count + 1, sizeof(*made.references));
    int failed = places && made.bytes && made.references
                     ? cut(part, keep, arg, places, &made, err)
                     : hf_error(err, HOTFIX_MEMORY, "%s: out of memory", part->object->path);
    free(places);
    if (failed) {
        hf_unwind_deinit(&made);
        return -1;
    }
    *unwind = made;
    return 0;
}

void hf_unwind_deinit(struct hf_unwind *unwind)
{
    free(unwind->bytes);
    free(unwind->references);
    *unwind = (struct hf_unwind){.size = 0};
}
