/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message from `hotfix build` to `hotfix pack` in patch.so's section .hotfix.functions: which functions of the target
 * the patch replaces.
 *
 * Table, little-endian: magic "HFFUNCS1", u8 size of the target's build-id and its bytes, u32 record count; count times
 * { u64 target, u64 target size, u64 replacement, u64 replacement size, u32 group, u16 name size, name, u16 source
 * size, source }. Addresses are link-time ones, ordered by target, none of it twice.
 */
#ifndef HF_RECORD_H
#define HF_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "manifest.h"

#define HF_RECORDS_SECTION ".hotfix.functions"
#define HF_FIXUPS_SECTION  ".hotfix.fixups"

/* A function of the target and what replaces it. */
struct hf_record {
    uint64_t target; /* address in the target program */
    uint64_t target_size;
    uint64_t replacement; /* address in patch.so */
    uint64_t replacement_size;
    /* Functions of one group refer to each other or share something new: they are picked together or not at all. */
    uint32_t group;
    char *name;   /* symbol name in the target */
    char *source; /* source file, as the compiler was given it; "" when unknown */
};

struct hf_records {
    struct hf_build_id target;
    struct hf_record *items;
    size_t count;
};

/* Parses a table; on failure records is untouched. HOTFIX_FORMAT, HOTFIX_MEMORY. */
int hf_records_parse(const void *table, size_t size, struct hf_records *records, struct hotfix_error *err);
/* *table is malloc'ed. HOTFIX_INTERNAL for records that parsing would refuse. */
int hf_records_format(const struct hf_records *records, uint8_t **table, size_t *size, struct hotfix_error *err);
void hf_records_deinit(struct hf_records *records);

#endif
