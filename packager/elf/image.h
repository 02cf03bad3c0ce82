/* SPDX-License-Identifier: Apache-2.0 */
/* An ELF file: a bounds-checked view through libelf of sections, symbols, notes and code bytes. */
#ifndef HF_IMAGE_H
#define HF_IMAGE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "digest.h"
#include "hotfix/error.h"
#include "manifest.h"

/* One symbol of .symtab (or .dynsym if there is no .symtab). */
struct hf_symbol {
    const char *name; /* owned by the image */
    const char *file; /* name of the preceding STT_FILE symbol for local ones, "" else */
    uint64_t address; /* st_value */
    uint64_t size;    /* st_size */
    uint8_t type;     /* STT_* */
    uint8_t binding;  /* STB_* */
    uint8_t visibility;
    uint16_t section; /* st_shndx */
};

struct hf_mapped;

struct hf_image {
    char *path;
    int fd;
    Elf *elf;
    struct hf_mapped *mapped; /* its bytes, which are not copied */
    struct stat status;       /* when it was opened */
    GElf_Ehdr header;
    struct hf_build_id build_id;
    struct hf_symbol *symbols; /* in symbol table order */
    size_t symbol_count;
    bool stripped; /* no .symtab: the symbols are those of .dynsym */
};

/* Opens an ELF file. HOTFIX_IO, HOTFIX_FORMAT (not ELF, truncated, of a class or byte order that is not supported). */
int hf_image_open(const char *path, struct hf_image *image, struct hotfix_error *err);
void hf_image_close(struct hf_image *image);

/* HOTFIX_IO when somebody has written into the file since it was opened: what was read of it may be of two versions. */
int hf_image_check_unchanged(const struct hf_image *image, struct hotfix_error *err);

/*
 * A copy of the whole file as it was when it was opened, whatever has its path by now; *data is malloc'ed.
 * HOTFIX_FORMAT when it has more than limit bytes; HOTFIX_IO as of hf_image_check_unchanged().
 */
int hf_image_copy(const struct hf_image *image, size_t limit, uint8_t **data, size_t *size, struct hotfix_error *err);

/* The section with this name, or NULL; header may be NULL. */
Elf_Scn *hf_image_section(const struct hf_image *image, const char *name, GElf_Shdr *header);

/* size bytes of file content at a virtual address within one PT_LOAD segment; NULL when they are not all in the file.
 * Owned by the image. */
const uint8_t *hf_image_bytes(const struct hf_image *image, uint64_t address, uint64_t size);

/* File offset of a virtual address; -1 when it has none. */
int hf_image_file_offset(const struct hf_image *image, uint64_t address, uint64_t *offset);

/* Is it a library: position-independent, and without a dynamic linker of its own? */
bool hf_image_is_library(const struct hf_image *image);

#endif
