/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fix-ups: references from patch.so into the target's modules that no dynamic linker could resolve. `hotfix build`
 * writes them to the section .hotfix.fixups, the loader applies them after mapping the patch and before any of its code
 * runs.
 *
 * Table, little-endian: magic "HFFIXUP1", u32 module count, u32 record count; module count times { u8 build-id size,
 * build-id bytes }; record count times the 32-byte record below. Module 0 is the target.
 */
#ifndef HF_FIXUP_H
#define HF_FIXUP_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "manifest.h"

#define HF_FIXUP_MAX_MODULES 16u
#define HF_FIXUP_MAX_RECORDS (1u << 20)

enum hf_fixup_kind {
    HF_FIXUP_ADDRESS = 0,    /* S = the module's load base + value */
    HF_FIXUP_SLOT = 1,       /* S = the pointer stored at load base + value: a GOT slot, for what the target imports */
    HF_FIXUP_TLS_MODULE = 2, /* S = the module's TLS module id (RTLD_DI_TLS_MODID) */
    HF_FIXUP_IFUNC = 3,      /* S = what the resolver at load base + value returns */
    HF_FIXUP_SELF = 4,       /* S = the patch's own load base + value; module is not looked at */
    HF_FIXUP_EXPORT = 5,     /* S = what the process uses under the name of the dynamic symbol at load base + value */
    HF_FIXUP_OWN_EXPORT = 6  /* the same; refused where that is not the module's own definition */
};

struct hf_fixup {
    uint64_t place; /* offset in patch.so of the field */
    uint64_t value; /* offset in the module; see kind */
    int64_t addend; /* A: the field becomes what `type` makes of S + A at P = place */
    uint32_t type;  /* ELF relocation type of the target's machine (psABI) */
    uint16_t module;
    uint16_t kind; /* enum hf_fixup_kind */
};

struct hf_fixups {
    struct hf_build_id *modules;
    size_t module_count;
    struct hf_fixup *records; /* ordered by place */
    size_t record_count;
};

/* Parses a table; on failure fixups is untouched. HOTFIX_FORMAT. */
int hf_fixups_parse(const void *table, size_t size, struct hf_fixups *fixups, struct hotfix_error *err);
/* *table is malloc'ed. HOTFIX_INTERNAL when parsing would refuse it. */
int hf_fixups_format(const struct hf_fixups *fixups, uint8_t **table, size_t *size, struct hotfix_error *err);
void hf_fixups_deinit(struct hf_fixups *fixups);

#endif
