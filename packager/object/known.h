/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where variables are while their function runs, according to debug information, and which constants the compiler knew
 * them to hold: code in these places may use a constant that the source has elsewhere.
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
    bool running; /* the program stores it somewhere, or computes it: no value is known */
    bool plain;   /* false: it holds an address, more than one value, or something unreadable */
};

typedef int (*hf_known_fn)(const struct hf_known *known, void *arg);

/*
 * Calls fn for each range of code about which the entry of a variable or parameter says something; a statement about
 * the variable's whole scope counts for all code of `parent`. 0; -1 when the ranges are damaged or fn returned a value
 * other than 0.
 */
int hf_known_values(Dwarf_Debug dwarf, Dwarf_Die die, Dwarf_Die parent, const struct hf_die_unit *unit, hf_known_fn fn,
                    void *arg);

#endif
