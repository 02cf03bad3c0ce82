/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How calls hand over objects of C++: in registers or on the stack, or by the address of a copy that the caller makes.
 * Members decide that (Itanium C++ ABI, "non-trivial for the purposes of calls"), so that a class may change it without
 * any prototype that looks another way.
 */
#ifndef HF_PASSING_H
#define HF_PASSING_H

#include "dwarf/die.h"

enum hf_passing {
    HF_PASSED_DIRECTLY,
    HF_PASSED_BY_ADDRESS,
    HF_PASSED_UNKNOWN /* a class is only declared, or its debug information is damaged */
};

/*
 * What is asked for a class that a unit only declares: another one may define it. `depth` is that of the class within
 * others, to be passed on to hf_passing_of_class().
 */
struct hf_passing_elsewhere {
    enum hf_passing (*find)(Dwarf_Debug dwarf, Dwarf_Die declaration, unsigned depth, void *arg);
    void *arg;
};

/* How an object of the type that an entry's DW_AT_type refers to is handed over. elsewhere: NULL asks nobody. */
enum hf_passing hf_passing_of(Dwarf_Debug dwarf, Dwarf_Die holder, const struct hf_passing_elsewhere *elsewhere);

/* The same for a class, structure or union itself, `depth` levels within others. */
enum hf_passing hf_passing_of_class(Dwarf_Debug dwarf, Dwarf_Die class, const struct hf_passing_elsewhere *elsewhere,
                                    unsigned depth);

#endif
