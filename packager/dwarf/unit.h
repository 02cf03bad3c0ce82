/* SPDX-License-Identifier: Apache-2.0 */
/* The attributes of a translation unit: DWARF 5, section 3.1.1. */
#ifndef HF_DWARF_UNIT_H
#define HF_DWARF_UNIT_H

#include <stdint.h>

/* A translation unit (DW_TAG_compile_unit). */
struct hf_unit {
    char *name;        /* DW_AT_name */
    char *directory;   /* DW_AT_comp_dir, "" when absent */
    char *path;        /* the two joined, with "." and ".." taken out */
    char *producer;    /* DW_AT_producer, "" when absent */
    uint16_t language; /* DW_AT_language, 0 when absent */
    uint16_t version;  /* DWARF version */
};

#endif
