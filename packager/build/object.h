/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A relocatable object file (gABI, chapter 4: ET_REL), compiled with a section for each function and variable, so that
 * a section is the unit in which things are compared, kept and dropped.
 */
#ifndef HF_OBJECT_H
#define HF_OBJECT_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"

struct hf_relocation {
    uint64_t offset; /* in the section that it changes */
    uint32_t type;
    uint32_t symbol; /* index into the object's symbols */
    int64_t addend;
};

enum hf_section_kind {
    HF_SECTION_OTHER,    /* debug information, notes, unwind tables: never compared */
    HF_SECTION_CODE,     /* a function */
    HF_SECTION_DATA,     /* a named variable or constant */
    HF_SECTION_COMPILED, /* data that the compiler made and nobody names: switch tables, __func__, unnamed constants */
    HF_SECTION_MERGED,   /* strings and constants that linkers merge (SHF_MERGE) */
    HF_SECTION_STARTUP   /* constructors and destructors */
};

struct hf_section {
    const char *name;
    enum hf_section_kind kind;
    uint32_t type;
    uint64_t flags;
    uint64_t size;
    uint64_t align;
    uint64_t entry_size;
    const uint8_t *bytes;              /* NULL for SHT_NOBITS */
    const char *leader;                /* name of the symbol at its start that names it; "" when it has none */
    uint32_t leader_index;             /* that symbol's index, 0 when none */
    struct hf_relocation *relocations; /* ordered by offset */
    size_t relocation_count;
};

struct hf_object_symbol {
    const char *name; /* a section's name for section symbols */
    uint64_t value;
    uint64_t size;
    uint8_t type;
    uint8_t binding;
    uint8_t visibility;
    uint16_t section; /* index into sections, or SHN_UNDEF, SHN_ABS, SHN_COMMON */
};

struct hf_object {
    char *path; /* of the file */
    char *name; /* relative path by which old and new are paired */
    int fd;
    Elf *elf;
    GElf_Ehdr header;
    struct hf_section *sections; /* by ELF section index; 0 is empty */
    size_t section_count;
    struct hf_object_symbol *symbols; /* by symbol index */
    size_t symbol_count;
    const char *source; /* name of its STT_FILE symbol, "" when it has none */
};

/* Opens an object; HOTFIX_IO, HOTFIX_FORMAT; HOTFIX_INCOMPATIBLE for LTO objects without code. name is copied. */
int hf_object_open(const char *path, const char *name, struct hf_object *object, struct hotfix_error *err);
void hf_object_close(struct hf_object *object);

/* True for a symbol that is defined in one of the object's sections. */
static inline bool hf_symbol_defined(const struct hf_object_symbol *symbol)
{
    return symbol->section != SHN_UNDEF && symbol->section < SHN_LORESERVE;
}

/* A name without the number that a compiler put behind it: "count.12" and "count.7" have the stem "count" (length
 * returned). */
size_t hf_name_stem(const char *name);

#endif
