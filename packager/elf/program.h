/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program or library together with its debug information, reduced to what checks and pickers ask: its functions,
 * where they come from, how they were compiled and what they look like.
 *
 * Debug information is read from the file itself or from its separate debug file: --debug FILE, else the build-id
 * directory
 * (/usr/lib/debug/.build-id/xx/yyyy.debug), else .gnu_debuglink (same directory, .debug/, /usr/lib/debug/DIR; CRC
 * verified).
 */
#ifndef HF_PROGRAM_H
#define HF_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "image.h"

/* A translation unit (DW_TAG_compile_unit). */
struct hf_unit {
    char *name;        /* DW_AT_name */
    char *directory;   /* DW_AT_comp_dir, "" when absent */
    char *producer;    /* DW_AT_producer, "" when absent */
    uint16_t language; /* DW_AT_language, 0 when absent */
    uint16_t version;  /* DWARF version */
};

/* A call site of an inlined copy (DW_TAG_inlined_subroutine). */
struct hf_inline_copy {
    uint64_t address;          /* low_pc or first range */
    const char *caller;        /* name of the function that contains it, owned by the program */
    const char *caller_source; /* its source file */
};

/* One parameter of a prototype. */
struct hf_parameter {
    char *type;   /* type in C notation, typedefs looked through: "struct order *", "unsigned int" */
    char *named;  /* the first name that its type is spelled with behind at most one pointer: "order_t"; "" when none */
    bool pointer; /* there was one pointer before that name */
    char *tag;    /* the type's own name when every typedef is looked through: "order"; "" when none */
    bool tag_pointer; /* there is one pointer before that */
};

struct hf_function {
    const char *name; /* symbol name */
    uint64_t address;
    uint64_t size;
    bool local; /* STB_LOCAL */
    char
        *source; /* path of DW_AT_decl_file, as DWARF gives it; STT_FILE name when there is no DWARF; "" when unknown */
    unsigned line;              /* DW_AT_decl_line, 0 when unknown */
    const struct hf_unit *unit; /* NULL without debug information */
    char *prototype; /* canonical text of return and parameter types: "int (struct order *, int)"; NULL when unknown */
    struct hf_parameter *parameters;
    size_t parameter_count;
    struct hf_inline_copy *inlined;
    size_t inlined_count;
};

struct hf_program {
    struct hf_image image;         /* the file itself: code bytes, build-id */
    struct hf_image *debug;        /* where symbols and DWARF came from; the image itself or a separate file */
    struct hf_function *functions; /* ordered by address, then name; aliases are entries of their own */
    size_t function_count;
    struct hf_unit **units;
    size_t unit_count;
    bool has_dwarf;   /* at least one unit was read */
    char *debug_note; /* why there is no DWARF, in one sentence; NULL when there is */
};

/*
 * Opens a program. debug_path names its separate debug file, or is NULL. HOTFIX_IO, HOTFIX_FORMAT; HOTFIX_INCOMPATIBLE
 * when the named debug file belongs to another build. A file with neither symbols nor debug information opens, with no
 * functions.
 */
int hf_program_open(const char *path, const char *debug_path, struct hf_program **program, struct hotfix_error *err);
void hf_program_close(struct hf_program *program);

#endif
