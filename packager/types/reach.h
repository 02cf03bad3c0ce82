/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types that a function's code may access: the types of its parameters, result, variables, of its blocks and of
 * functions inlined into it, and all types that these lead to through members, pointers, arrays and parameters.
 *
 * A type that a function names only in a cast or in sizeof is not in its debug information.
 */
#ifndef HF_REACH_H
#define HF_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dwarf/dwarf.h"
#include "dwarf/names.h"
#include "types/type.h"

/* An entry with a name within a function: a type, or a variable that is not in its frame. */
struct hf_inner_name {
    enum hf_name_space space;
    const char *name;
    const char *function; /* the one that it was written in; "" when unknown */
    uint64_t offset;
};

/* What one or more functions hold. */
struct hf_reach {
    Dwarf_Debug dwarf;
    struct hf_inner_name *inner;
    size_t inner_count;
    uint64_t *roots; /* offsets of the entries whose DW_AT_type is reached */
    size_t root_count;
    uint64_t *locals; /* those of them that are variables of a function's frame */
    size_t local_count;
    void *made;      /* keys of the types of such variables, of their members and bases */
    void *functions; /* offsets of those that were read; see tsearch(3) */
    void *types;     /* keys of those that were passed on */
    bool unknown;    /* something could not be read */
    bool failed;     /* out of memory */
};

/* Reads a function by the offset of its entry, its origin and what was inlined into it: roots and inner names. */
void hf_reach_function(struct hf_reach *reach, uint64_t offset);
void hf_reach_root(struct hf_reach *reach, uint64_t offset);

/* The inner name of a type by its offset, or NULL for one at file scope. */
const struct hf_inner_name *hf_reach_inner(const struct hf_reach *reach, uint64_t offset);

/* Calls fn once for each type with a name that the roots lead to; then there are no roots. */
void hf_reach_types(struct hf_reach *reach, void (*fn)(Dwarf_Die type, void *arg), void *arg);

/*
 * Is it the type of a variable in a frame, or of a part of one? Then the functions that were read make objects of this
 * type themselves. Valid after hf_reach_types() was called.
 */
bool hf_reach_makes(const struct hf_reach *reach, Dwarf_Die type);

void hf_reach_deinit(struct hf_reach *reach);
#define HF_REACH __attribute__((cleanup(hf_reach_deinit)))

#endif
