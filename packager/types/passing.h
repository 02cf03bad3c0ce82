/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How calls hand over objects of C++: in registers or on the stack, or by the address of a copy that the caller makes.
 * Members decide that (Itanium C++ ABI, "non-trivial for the purposes of calls"), so that a class may change it without
 * any prototype that looks another way.
 */
#ifndef HF_PASSING_H
#define HF_PASSING_H

#include "dwarf/die.h"

/* Is an object of the type that an entry's DW_AT_type refers to handed over by address? False where it is not known. */
bool hf_passed_by_address(Dwarf_Debug dwarf, Dwarf_Die holder);

#endif
