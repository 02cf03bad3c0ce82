/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types of C and C++ as text in which equal types are equal: typedefs are looked through (an unnamed struct goes by its
 * typedef's name), qualifiers stay, structs, unions and enums go by their tag.
 */
#ifndef HF_PROTOTYPE_H
#define HF_PROTOTYPE_H

#include "elf/die.h"
#include "elf/program.h"
#include "hotfix/error.h"

/* The text of the type that die refers to with DW_AT_type ("void" without one). malloc'ed; NULL when out of memory. */
char *hf_type_text(Dwarf_Debug dwarf, Dwarf_Die die);

/*
 * Fills in prototype, parameters and parameter_count of a function from its DW_TAG_subprogram with the types.
 * HOTFIX_MEMORY.
 */
int hf_prototype_read(Dwarf_Debug dwarf, Dwarf_Die subprogram, struct hf_function *function, struct hotfix_error *err);

#endif
