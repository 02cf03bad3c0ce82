/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where variables are as their function runs, as debug information tells, and which constants a compiler knew them to
 * hold: code in these places may have a constant that the source has elsewhere.
 */
#ifndef HF_KNOWN_H
#define HF_KNOWN_H

#include "dwarf/die.h"

/* What holds for a variable in code [begin, end). */
struct hf_known {
    uint64_t begin;
    uint64_t end;
    const char *name; /* of the variable, "" when it has none; libdwarf's */
    uint64_t value;
    bool running; /* the program keeps it somewhere, or computes it: no value is known */
    bool plain;   /* false: it holds an address, more than one value, or what cannot be read */
};

typedef int (*hf_known_fn)(const struct hf_known *known, void *arg);

/*
 * Calls fn for each stretch of code that the entry of a variable or parameter says something of; what it says for all
 * of its scope is said of all code of `parent`. 0; -1 when the ranges are damaged or fn returned other than 0.
 */
int hf_known_values(Dwarf_Debug dwarf, Dwarf_Die die, Dwarf_Die parent, const struct hf_die_unit *unit, hf_known_fn fn,
                    void *arg);

#endif
