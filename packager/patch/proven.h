/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The old-object proof (proof.h), as `hotfix build` leaves it in patch.so for the checks: which of the target's
 * functions are, byte for byte, what the old objects hold, and how those objects were compiled. In the section
 * .hotfix.proof.
 *
 * Table, little-endian: magic "HFPROOF1", u8 size of the target's build-id and its bytes, u32 count; count times
 * { u64 address, u64 size, u32 witnesses, u16 name size, name, u16 producer size, producer }. Ordered by address, none
 * of it twice.
 */
#ifndef HF_PROVEN_H
#define HF_PROVEN_H

#include <stddef.h>
#include <stdint.h>

#include "elf/image.h"
#include "hotfix/error.h"
#include "manifest.h"

#define HF_PROVEN_SECTION ".hotfix.proof"

/* A function of the target whose code was proved to be that of an old object. */
struct hf_proven_function {
    uint64_t address; /* in the target */
    uint64_t size;
    /* Other functions of the object that are the same in the target, in the old object and in the new one. */
    uint32_t witnesses;
    char *name;
    char *producer; /* DW_AT_producer of the old object; "" when it is not recorded, or not one */
};

struct hf_proven {
    struct hf_build_id target;
    struct hf_proven_function *items;
    size_t count;
};

/* Parses a table; on failure proven is untouched. HOTFIX_FORMAT, HOTFIX_MEMORY. */
int hf_proven_parse(const void *table, size_t size, struct hf_proven *proven, struct hotfix_error *err);
/* *table is malloc'ed. HOTFIX_INTERNAL for what parsing would refuse. */
int hf_proven_format(const struct hf_proven *proven, uint8_t **table, size_t *size, struct hotfix_error *err);
void hf_proven_deinit(struct hf_proven *proven);

/* Reads that of a patch: 1, or 0 where it has none, and -1. */
int hf_proven_read(const struct hf_image *patch, struct hf_proven *proven, struct hotfix_error *err);

/* The function that lies there, or NULL. */
const struct hf_proven_function *hf_proven_find(const struct hf_proven *proven, uint64_t address, uint64_t size);

#define HF_PROVEN __attribute__((cleanup(hf_proven_deinit)))

#endif
