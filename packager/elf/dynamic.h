/* SPDX-License-Identifier: Apache-2.0 */
/* What a file tells the dynamic linker: gABI chapter 5, dynamic section. */
#ifndef HF_DYNAMIC_H
#define HF_DYNAMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf/image.h"
#include "hotfix/error.h"

/* An entry of .dynsym. */
struct hf_dynamic_symbol {
    const char *name;
    const char *version; /* NULL: none */
    bool defined;
    bool weak;
    bool unique;  /* STB_GNU_UNIQUE: the first one in the process is used for all symbols of this name */
    uint8_t type; /* STT_* */
};

/* Strings belong to the image. */
struct hf_dynamic {
    const char **needed; /* DT_NEEDED, in order */
    size_t needed_count;
    const char *run_path; /* DT_RUNPATH, else DT_RPATH; NULL when absent */
    uint64_t init;        /* DT_INIT; 0 when absent */
    uint64_t init_array;
    uint64_t init_array_size;
    uint64_t fini; /* DT_FINI; 0 when absent */
    uint64_t fini_array;
    uint64_t fini_array_size;
    bool text_relocations; /* DT_TEXTREL or DF_TEXTREL */
    bool static_tls;       /* DF_STATIC_TLS */
    struct hf_dynamic_symbol *symbols;
    size_t symbol_count;
};

/* A file without a dynamic section gives an empty one. HOTFIX_FORMAT, HOTFIX_MEMORY. */
int hf_dynamic_read(const struct hf_image *image, struct hf_dynamic *dynamic, struct hotfix_error *err);
void hf_dynamic_deinit(struct hf_dynamic *dynamic);

/*
 * The exported definition of a name; NULL when there is none. version NULL: any version; else one of this version, or
 * one without a version, by the dynamic linker's rules (glibc, do_lookup_x).
 */
const struct hf_dynamic_symbol *hf_dynamic_find(const struct hf_dynamic *dynamic, const char *name,
                                                const char *version);

#endif
