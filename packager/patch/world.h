/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message from `hotfix build` to `hotfix pack` in patch.so's section .hotfix.worlds: code that may call functions
 * with which it was not compiled together (choose/worlds.h has the reasons):
 * - code of the target that no thread may be in when the patch is applied;
 * - code of the patch that no thread may be in when it is reverted;
 * - functions of the target that the patch relies on as they are, and does not replace.
 *
 * Table, little-endian: magic "HFWORLD1", u8 size of the target's build-id and its bytes, u32 count; count times
 * { u8 kind, u64 address, u64 size, u16 name size, name }. Ordered by kind, then name, then address.
 */
#ifndef HF_WORLD_H
#define HF_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include "elf/image.h"
#include "hotfix/error.h"
#include "manifest.h"

#define HF_WORLDS_SECTION ".hotfix.worlds"
#define HF_WORLDS_MAX     65536u

enum hf_world_kind { HF_WORLD_LEFT_TO_APPLY = 1, HF_WORLD_LEFT_TO_REVERT = 2, HF_WORLD_ASSUMED = 3 };

struct hf_world_item {
    enum hf_world_kind kind;
    uint64_t address; /* in the target; HF_WORLD_LEFT_TO_REVERT: in patch.so */
    uint64_t size;
    char *name; /* of the function */
};

struct hf_world_table {
    struct hf_build_id target;
    struct hf_world_item *items;
    size_t count;
};

/* Adds an item with a copy of the name. HOTFIX_MEMORY. */
int hf_world_add(struct hf_world_table *table, enum hf_world_kind kind, uint64_t address, uint64_t size,
                 const char *name, struct hotfix_error *err);

/* Parses a table; on failure *table is untouched. HOTFIX_FORMAT, HOTFIX_MEMORY. */
int hf_world_parse(const void *bytes, size_t size, struct hf_world_table *table, struct hotfix_error *err);
/*
 * Orders the items, drops duplicates and writes them: *bytes is malloc'ed. HOTFIX_INTERNAL for what parsing would
 * refuse.
 */
int hf_world_format(struct hf_world_table *table, uint8_t **bytes, size_t *size, struct hotfix_error *err);
void hf_world_deinit(struct hf_world_table *table);

/* Reads that of a patch: 1, or 0 where it has none, and -1. */
int hf_world_read(const struct hf_image *patch, struct hf_world_table *table, struct hotfix_error *err);

#define HF_WORLD __attribute__((cleanup(hf_world_deinit)))

#endif
