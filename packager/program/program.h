/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program or library together with its debug information, reduced to what checks and pickers need: its functions,
 * their sources, how they were compiled, and their prototypes.
 *
 * Debug information is read from the file itself or from its separate debug file: --debug FILE (a rebuild, too:
 * elf/rebuilt.h), else the build-id directory
 * (/usr/lib/debug/.build-id/xx/yyyy.debug), else .gnu_debuglink (same directory, .debug/, /usr/lib/debug/DIR; CRC
 * verified). What dwz moved to a supplementary file is read there.
 */
#ifndef HF_PROGRAM_H
#define HF_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch.h"
#include "dwarf/asked.h"
#include "dwarf/unit.h"
#include "elf/image.h"
#include "hotfix/error.h"
#include "types/prototype.h"

/* A copy of a function within another (DW_TAG_inlined_subroutine). */
struct hf_inline_copy {
    const char *name;          /* of the function that was copied, as struct hf_function.declared */
    const char *source;        /* its source file */
    uint64_t address;          /* where it begins, or where its caller does when it has no instruction of its own */
    const char *caller;        /* name of the function that contains it */
    const char *caller_source; /* its source file */
};

/*
 * A function that has a symbol. Compilers' clones (foo.constprop.0, foo.cold) are separate functions, which share the
 * DWARF data of their original function.
 */
struct hf_function {
    const char *name; /* symbol name, without the "@@VERSION" of a default version */
    char *own_name;   /* storage of name where it is not the symbol table's */
    uint64_t address;
    uint64_t size;
    bool local;         /* STB_LOCAL */
    const char *source; /* path by DW_AT_decl_file, joined with the unit's directories, "." and ".." taken out; STT_FILE
                           name when there is no DWARF; "" when unknown */
    unsigned line;      /* DW_AT_decl_line, 0 when unknown */
    const struct hf_unit *unit; /* where it was compiled, before link-time optimisation; NULL without DWARF */
    const char *declared;       /* DW_AT_linkage_name or DW_AT_name: "foo" for foo.constprop.0; NULL when unknown */
    char *prototype; /* canonical text of return and parameter types: "int (struct order *, int)"; NULL when unknown */
    struct hf_parameter *parameters;
    size_t parameter_count;
    const struct hf_inline_copy *inlined; /* in any unit; a part of the program's array */
    size_t inlined_count;
};

struct hf_dwarf;
struct hf_subprogram;
struct hf_joined;

struct hf_program {
    struct hf_image image;         /* the file itself: code bytes, build-id */
    struct hf_image *debug;        /* where symbols and DWARF came from; the image itself or a separate file */
    struct hf_function *functions; /* ordered by address, then name; aliases are entries of their own */
    size_t function_count;
    size_t *cold; /* indices of those that compilers moved out of others: NAME.cold */
    size_t cold_count;
    struct hf_unit **units; /* compile units in the order of .debug_info */
    size_t unit_count;
    struct hf_inline_copy *inlined; /* every inlined copy, ordered by name, source and address */
    size_t inlined_count;
    bool has_dwarf;           /* at least one unit was read */
    char *debug_note;         /* why there is no DWARF, in one sentence; NULL when there is */
    struct hf_dwarf *dwarf;   /* what the above was read from; owns the units and most texts */
    struct hf_types *types;   /* owns the texts of parameters */
    struct hf_joined *joined; /* the debug information with what is in other files; NULL when nothing is */
};

/*
 * Opens a program. debug_path names its separate debug file, or is NULL. asked, or NULL for all: the names of the
 * functions whose sources, units, prototypes and inlined copies matter. For other functions these may then be unknown,
 * unless they share code with one of the named ones, since units without the named functions are not read. HOTFIX_IO,
 * HOTFIX_FORMAT; HOTFIX_INCOMPATIBLE when the named debug file belongs to another build, HOTFIX_UNPROVEN when nothing
 * tells whether it does. A file with neither symbols nor debug information opens, with no functions.
 *
 * Any input is either read or refused. But libdwarf 20210528 was not written for hostile input (guard.h lists what
 * fuzzing found): open files from untrusted people where they can do no harm.
 */
int hf_program_open(const char *path, const char *debug_path, const struct hf_asked *asked, struct hf_program **program,
                    struct hotfix_error *err);
void hf_program_close(struct hf_program *program);

/* The inlined copies of a function by its declared name and source (NULL: of any source), whether or not it has code of
 * its own: a part of the program's array, *count items. */
const struct hf_inline_copy *hf_program_inlined(const struct hf_program *program, const char *name, const char *source,
                                                size_t *count);

/* The index of the first function that begins at an address or behind it; function_count when there is none. */
size_t hf_program_first_at(const struct hf_program *program, uint64_t address);

/* How many bytes at a function's entry its detour may use (elf/room.h). */
uint64_t hf_program_room(const struct hf_program *program, const struct hf_arch_tools *tools,
                         const struct hf_function *function);

/*
 * The entry of a function's own code (see dwarf.h), or of its definition where its code was folded into another's; NULL
 * without debug information. Inlined and cloned code has its origin's types.
 */
const struct hf_subprogram *hf_program_subprogram(const struct hf_program *program, const struct hf_function *function);

#endif
