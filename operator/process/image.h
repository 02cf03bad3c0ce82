/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ELF file as a process has it in memory: program headers, dynamic symbols, notes and where its unwind table is. Its
 * file is never read: that may have been replaced.
 */
#ifndef HF_IMAGE_H
#define HF_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "process/target.h"

#define HF_IMAGE_BUILD_ID_MAX 64

struct hf_image {
    char *path;    /* of its first mapping */
    uint64_t base; /* address in memory = base + ELF virtual address */
    uint64_t begin;
    uint64_t end;
    uint64_t code_begin; /* the executable segment */
    uint64_t code_end;
    uint64_t unwind; /* .eh_frame_hdr, 0 without one */
    uint8_t build_id[HF_IMAGE_BUILD_ID_MAX];
    size_t build_id_size;
    char *soname; /* "" without one */
    Elf64_Sym *symbols;
    size_t symbol_count;
    char *names; /* ends with NUL */
    size_t names_size;
};

struct hf_images {
    struct hf_image *items;
    size_t count;
};

/*
 * Reads all files that are mapped as executable, and replaces the content of images (zeroed: empty). Without `symbols`
 * only build-ids are read, and the functions below find no symbols. Files that are damaged or not ELF files of this
 * machine are ignored. HOTFIX_MEMORY.
 */
int hf_images_read(const struct hf_target *target, bool symbols, struct hf_images *images, struct hotfix_error *err);
/* A zeroed one is fine. */
void hf_images_deinit(struct hf_images *images);

/* The image whose code contains an address, or NULL. */
const struct hf_image *hf_images_at(const struct hf_images *images, uint64_t address);
/* The first with this SONAME, or NULL. */
const struct hf_image *hf_images_named(const struct hf_images *images, const char *soname);

#define HF_IMAGE_PATCH "libhotfix-patch-" /* what the SONAME of a bundle's patch begins with */

/* The program: the first of them that is no patch, since patches may lie before it. NULL when there is none. */
const struct hf_image *hf_images_program(const struct hf_images *images);

/* Is that the name of its file, without directories? One that was replaced on disk is "NAME (deleted)" to the kernel.
 */
bool hf_image_is_file(const struct hf_image *image, const char *name);

/* Address of a function or variable that it defines and exports, 0 when it has none of this name. */
uint64_t hf_image_symbol(const struct hf_image *image, const char *name);
/* Likewise its size; 0 without one. */
uint64_t hf_image_symbol_size(const struct hf_image *image, const char *name);
/* Name of the exported function that an address lies in; NULL when there is none. */
const char *hf_image_function_at(const struct hf_image *image, uint64_t address);
/* True when an exported function of this name spans the address: several names may. */
bool hf_image_is_in(const struct hf_image *image, uint64_t address, const char *name);

#endif
