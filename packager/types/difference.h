/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where two files define a type differently.
 *
 * The definitions of named structures, unions and enumerations are compared once for each pair, so that types may refer
 * to each other. Typedefs are resolved; a declaration fits any definition; an array without a length fits any length,
 * and a function without a prototype any parameters. Of the qualifiers only _Atomic counts.
 *
 * Of classes their bases and the shape of their tables of virtual methods are compared as their members are; names
 * count with their scopes (qualified.h).
 */
#ifndef HF_DIFFERENCE_H
#define HF_DIFFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dwarf/qualified.h"
#include "types/type.h"

enum hf_equality {
    HF_TYPES_EQUAL,
    HF_TYPES_UNPROVEN, /* something could not be read, or has the same place and another name */
    HF_TYPES_DIFFERENT
};

/* One side's definition of a type. */
struct hf_definition {
    uint64_t offset; /* of its entry; HF_DIE_NONE in a type unit that is not in .debug_info */
    uint64_t file;   /* DW_AT_decl_file, HF_DIE_NONE without one */
    unsigned line;   /* DW_AT_decl_line, 0 without one */
};

struct hf_definition hf_definition_of(Dwarf_Die die);

struct hf_difference {
    enum hf_equality equality; /* UNPROVEN or DIFFERENT */
    char *type;                /* "struct order" */
    char *what;                /* "member flags is at 4:0 of 3 bits, in the patch at 4:0 of 5 bits" */
    char *member;              /* the one that is new or gone; NULL when that is not what differs */
    bool gone;
    char *layouts; /* both definitions side by side, a line for each member */
    struct hf_definition before;
    struct hf_definition after;
};

/*
 * The most types that a comparison examines: tens of times as many as large programs need. Hostile debug information
 * could make a comparison endless; after the last step everything is unproven.
 */
#define HF_COMPARISON_STEPS 2000000

struct hf_comparison {
    Dwarf_Debug before;
    Dwarf_Debug after;
    bool flat;                         /* what a pointer points to does not count, unless it has no name */
    bool shallow;                      /* definitions are not compared */
    struct hf_qualified *before_names; /* made when they are first needed */
    struct hf_qualified *after_names;
    struct hf_difference *differences;
    size_t difference_count;
    size_t compared; /* definitions */
    struct hf_pending *pending;
    size_t pending_count;
    void *pairs;       /* keys of those that were ever pending; see tsearch(3) */
    void *answers;     /* results of comparing unnamed types, by their keys */
    size_t walk_count; /* definitions and types that were ever begun with */
    size_t steps;      /* taken so far, of HF_COMPARISON_STEPS */
    bool failed;       /* out of memory */
};

/*
 * Compares the types that two entries refer to, and then every definition that this leads to: adds a difference for
 * each one that differs. Returns the result for the types themselves, without the definitions. *what says where unnamed
 * definitions differ, malloc'ed; NULL when they do not.
 */
enum hf_equality hf_comparison_of(struct hf_comparison *comparison, Dwarf_Die before, Dwarf_Die after, char **what);

/* Compares two entries that are types; both stay the caller's. As hf_comparison_of(). */
enum hf_equality hf_comparison_types(struct hf_comparison *comparison, Dwarf_Die before, Dwarf_Die after);

/* The name with its scopes of a type of the second side; NULL where its unit is not one of C++, or it has none. */
const char *hf_comparison_scoped(struct hf_comparison *comparison, Dwarf_Die after);

/* A comparison of zeroes with its two sides is an empty one. */
void hf_comparison_deinit(struct hf_comparison *comparison);
#define HF_COMPARISON __attribute__((cleanup(hf_comparison_deinit)))

#endif
