/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a relocatable object file through libelf: sections, symbols and relocations are added in any order. */
#ifndef HF_WRITER_H
#define HF_WRITER_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"

struct hf_writer_relocation {
    uint64_t offset;
    int64_t addend;
    uint32_t type;
    size_t symbol; /* handle */
};

struct hf_writer_section {
    char *name;
    uint32_t type;
    uint64_t flags;
    uint64_t size;
    uint64_t alignment;
    uint64_t entry_size;
    uint8_t *bytes; /* owned; NULL for SHT_NOBITS */
    struct hf_writer_relocation *relocations;
    size_t relocation_count;
    size_t symbol; /* handle of its section symbol */
};

struct hf_writer_symbol {
    char *name;
    uint64_t value;
    uint64_t size;
    size_t section;   /* handle; 0: undefined */
    uint16_t special; /* SHN_ABS or SHN_COMMON in place of a section; 0 without */
    uint8_t type;
    uint8_t binding;
    uint8_t visibility;
    uint32_t index; /* in the table that is written */
};

/* Handles are array indexes; 0 is none. */
struct hf_writer {
    struct hf_writer_section *sections;
    size_t section_count;
    struct hf_writer_symbol *symbols;
    size_t symbol_count;
    uint16_t machine;
};

int hf_writer_init(struct hf_writer *writer, uint16_t machine, struct hotfix_error *err);
void hf_writer_deinit(struct hf_writer *writer);

/*
 * Each copies what it is given and returns a handle, 0 when memory is out. A section gets a section symbol; its bytes
 * are NULL for SHT_NOBITS.
 */
size_t hf_writer_section(struct hf_writer *writer, const struct hf_writer_section *section);
size_t hf_writer_symbol(struct hf_writer *writer, const struct hf_writer_symbol *symbol);
/* 0, or -1 when memory is out. */
int hf_writer_relocation(struct hf_writer *writer, size_t section, const struct hf_writer_relocation *relocation);

/* HOTFIX_IO, HOTFIX_MEMORY. */
int hf_writer_write(struct hf_writer *writer, const char *path, struct hotfix_error *err);

#endif
