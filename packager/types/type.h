/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types for comparison: an entry with its typedefs and qualifiers resolved, and the members of a structure with places
 * in the same form for every version of DWARF. Little-endian: bits count from the lowest one.
 */
#ifndef HF_TYPE_H
#define HF_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dwarf/die.h"

enum hf_type_qualifiers { HF_TYPE_CONST = 1, HF_TYPE_VOLATILE = 2, HF_TYPE_ATOMIC = 4 };

struct hf_type {
    Dwarf_Die die;       /* NULL for void */
    Dwarf_Half tag;      /* DW_TAG_class_type counts as DW_TAG_structure_type; 0 for void */
    const char *name;    /* its own, else that of the typedef right in front of it; NULL without either; libdwarf's */
    bool alias;          /* the name is that of a typedef */
    unsigned qualifiers; /* enum hf_type_qualifiers, all on the way to it */
};

/* The type that an entry's DW_AT_type refers to. -1 when it cannot be read, and *type is void then. */
int hf_type_of(Dwarf_Debug dwarf, Dwarf_Die holder, struct hf_type *type);
/* The type that an entry is itself. Likewise. */
int hf_type_from(Dwarf_Debug dwarf, Dwarf_Die die, struct hf_type *type);
void hf_type_deinit(struct hf_type *type);
#define HF_TYPE __attribute__((cleanup(hf_type_deinit)))

/* Structures, unions and enumerations: what has a definition of its own. */
bool hf_type_is_aggregate(const struct hf_type *type);
bool hf_type_is_definition(const struct hf_type *type);
/* A key that is unique among all entries of the file, including those of type units. */
uint64_t hf_type_key(Dwarf_Die die);
/* "struct order", "union value", "enum color", "order_t". malloc'ed; NULL when out of memory. */
char *hf_type_label(const struct hf_type *type);

/* The number of elements of an array from its DW_TAG_subrange_type; false if it is not given. */
bool hf_type_length(Dwarf_Die range, uint64_t *length);

/* A member of a structure or union, or a base class. */
struct hf_member {
    Dwarf_Die die;
    const char *name;           /* "" without one, of a base class that of its type; libdwarf's */
    bool base;                  /* a base class */
    uint64_t bit;               /* where it begins, in bits from the beginning */
    uint64_t bits;              /* of a bit-field, 0 for others */
    struct hf_die_block finder; /* of a virtual base: the expression that finds it in an object; empty for others */
};

struct hf_members {
    struct hf_member *items;
    size_t count;
    bool unknown; /* the place of one could not be read */
};

/* HOTFIX_MEMORY as -1; damage makes the rest unknown. */
int hf_members_read(Dwarf_Debug dwarf, Dwarf_Die aggregate, struct hf_members *members);
/* The counterpart of a member in the other list: by name; unnamed members by their order. NULL when there is none. */
const struct hf_member *hf_members_twin(const struct hf_members *members, size_t index,
                                        const struct hf_members *others);
/* Do two members begin at the same place and have the same width? */
bool hf_member_same_place(const struct hf_member *a, const struct hf_member *b);
void hf_members_deinit(struct hf_members *members);
#define HF_MEMBERS __attribute__((cleanup(hf_members_deinit)))

#endif
