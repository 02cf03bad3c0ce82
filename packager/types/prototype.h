/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types of C and C++ as text in which equal types are equal: typedefs are looked through (an unnamed struct goes by its
 * typedef's name), qualifiers stay, structs, unions and enums go by their tag, those of C++
 * with their scopes (qualified.h). What cannot be read is unknown, since
 * two unknowns must not compare equal.
 */
#ifndef HF_PROTOTYPE_H
#define HF_PROTOTYPE_H

#include "dwarf/die.h"
#include "hotfix/error.h"
#include "program/program.h"

/* The types described so far, each once however many functions have it. */
struct hf_types;

/* NULL when out of memory. */
struct hf_types *hf_types_create(Dwarf_Debug dwarf);
/* NULL is fine. The parameters of every function that was described go with it. */
void hf_types_destroy(struct hf_types *types);

/*
 * Fills in prototype, parameters and parameter_count of a function from its DW_TAG_subprogram, and from its declaration
 * (DW_AT_specification; NULL without one) what that leaves open. prototyped: its language has no functions without
 * prototype. HOTFIX_MEMORY.
 */
int hf_types_describe(struct hf_types *types, Dwarf_Die subprogram, Dwarf_Die declaration, bool prototyped,
                      struct hf_function *function, struct hotfix_error *err);

/*
 * May callers of the old prototype call a function of the new one? They may when what pointers point to is const,
 * volatile or restrict in the new one only: it does less with it, and no call depends on that.
 */
bool hf_prototypes_agree(const char *before, const char *after);

/* The type that an entry refers to, as far as it can be read, for people. malloc'ed; NULL when out of memory. */
char *hf_type_text(Dwarf_Debug dwarf, Dwarf_Die holder);

#endif
