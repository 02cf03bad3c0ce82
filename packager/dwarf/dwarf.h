/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result of one pass over the DWARF of a file: its units, their functions, where the code of these lies and where
 * they were inlined. Symbols are not used here (see program.h).
 *
 * Debug information in other files must have been joined to it (supplement.h, split.h); skeleton units alone have no
 * functions.
 */
#ifndef HF_DWARF_H
#define HF_DWARF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dwarf/asked.h"
#include "dwarf/die.h"
#include "dwarf/sections.h"
#include "dwarf/unit.h"
#include "elf/image.h"
#include "hotfix/error.h"

#define HF_DWARF_MAX_DEPTH 256 /* entries within entries */

/* A unit of .debug_info, partial ones (DWARF 5, section 3.1.1) among them. */
struct hf_dwarf_unit {
    struct hf_unit *unit; /* NULL for a partial unit; owned */
    uint64_t offset;      /* of its first entry */
    uint64_t end;         /* of the header that follows it */
    struct hf_die_unit die_unit;
    bool in_c;    /* its structs hold no functions */
    bool typed;   /* it has types; units compiled with -g1 have functions without types */
    char **files; /* its file table, NULL until it is asked for; libdwarf's */
    size_t file_count;
    const char **sources; /* likewise, with "." and ".." taken out; owned */
};

/* A DW_TAG_subprogram: code, an abstract instance, a declaration, or several of these at once. */
struct hf_subprogram {
    uint64_t offset;
    uint64_t origin;        /* DW_AT_abstract_origin, HF_DIE_NONE without one */
    uint64_t specification; /* DW_AT_specification, likewise */
    const char *name;       /* DW_AT_linkage_name, else DW_AT_name, NULL without either; libdwarf's */
    uint64_t file;          /* DW_AT_decl_file, HF_DIE_NONE without one */
    unsigned line;          /* DW_AT_decl_line, 0 without one */
    uint64_t address;       /* where its code is entered, HF_DIE_NONE without code */
    bool declaration;       /* DW_AT_declaration: the function is elsewhere */
    size_t unit;            /* index of its unit */
};

/* One contiguous piece of a function's code. */
struct hf_code {
    uint64_t begin;
    uint64_t end;
    size_t subprogram; /* index */
    bool entry;        /* the piece with the function's entry; hot and cold parts may be separate */
};

/* An inlined copy in code. */
struct hf_dwarf_copy {
    uint64_t address; /* where it begins, or where its caller does when it has no instruction of its own */
    uint64_t origin;  /* offset of the DW_TAG_subprogram */
    size_t caller;    /* index of the subprogram around it */
};

struct hf_dwarf {
    Dwarf_Debug handle;
    struct hf_sections sections; /* what the handle reads */
    struct hf_dwarf_unit *units;
    size_t unit_count;
    struct hf_subprogram *subprograms; /* ordered by offset */
    size_t subprogram_count;
    size_t *codeless; /* indices of the defining ones that have a name and no code, ordered by name, then index */
    size_t codeless_count;
    struct hf_code *codes; /* ordered by begin, then subprogram */
    size_t code_count;
    struct hf_dwarf_copy *copies;
    size_t copy_count;
    size_t entered; /* see hf_dwarf_enter() */
};

/*
 * Reads the DWARF of an image that passed hf_guard_check(), and what was joined to it (NULL: nothing), which must
 * outlive it. Units that cannot contain the functions in `asked` (NULL: all functions) are not read beyond their own
 * entry. Without debug information there are no units, and no error. HOTFIX_FORMAT when it is damaged; HOTFIX_MEMORY.
 */
int hf_dwarf_open(const struct hf_image *image, const struct hf_joined *joined, const struct hf_asked *asked,
                  struct hf_dwarf **dwarf, struct hotfix_error *err);
/* NULL is fine. */
void hf_dwarf_close(struct hf_dwarf *dwarf);

/*
 * Makes libdwarf search entries from this unit on, since it would otherwise go through all units for each: callers that
 * look up many entries go through the units in order.
 */
void hf_dwarf_enter(struct hf_dwarf *dwarf, size_t unit);

/* DW_AT_language is C of some year: functions may lack a prototype. */
bool hf_dwarf_is_c(uint16_t language);

/* The subprogram at an offset, or NULL. */
const struct hf_subprogram *hf_dwarf_subprogram(const struct hf_dwarf *dwarf, uint64_t offset);
/* The end of a chain of DW_AT_abstract_origin: one subprogram for all copies of one function. */
const struct hf_subprogram *hf_dwarf_origin(const struct hf_dwarf *dwarf, const struct hf_subprogram *subprogram);
/* The declaration that a subprogram completes, or NULL. */
const struct hf_subprogram *hf_dwarf_declaration(const struct hf_dwarf *dwarf, const struct hf_subprogram *subprogram);
/* The first piece of code that begins at an address; NULL when there is none. */
const struct hf_code *hf_dwarf_code(const struct hf_dwarf *dwarf, uint64_t address);
/*
 * The subprogram that defines a function of this name and has no code: a function that the compiler folded into an
 * equal one keeps a symbol, but has no address in DWARF. Its unit is compiled from a file with this base name; NULL:
 * any. NULL when there is none or more than one.
 */
const struct hf_subprogram *hf_dwarf_codeless(const struct hf_dwarf *dwarf, const char *name, const char *file);
/*
 * Path of the source file of a subprogram, joined by libdwarf with the unit's directories; "." and ".." are taken
 * out. *source is "" when it is unknown and lives as long as dwarf. HOTFIX_MEMORY.
 */
int hf_dwarf_source(struct hf_dwarf *dwarf, const struct hf_subprogram *subprogram, const char **source,
                    struct hotfix_error *err);

#endif
