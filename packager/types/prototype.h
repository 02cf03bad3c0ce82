/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types of C and C++ as text, so that equal types have equal text: typedefs are resolved (an unnamed struct has its
 * typedef's name), qualifiers stay, structs, unions and enums have their tag, in C++ with scopes (qualified.h). A type
 * that cannot be read has no text, since two unknown types must not compare equal.
 */
#ifndef HF_PROTOTYPE_H
#define HF_PROTOTYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "dwarf/die.h"
#include "hotfix/error.h"

/* One parameter of a prototype. */
struct hf_parameter {
    const char *type;  /* type in C notation, typedefs looked through: "struct order *"; "" when it cannot be read */
    const char *named; /* the first name that its type is spelled with behind at most one pointer: "order_t"; "" when
                          none */
    bool pointer;      /* there was one pointer (or reference) before that name */
    const char *tag;   /* the type's own name when every typedef is looked through: "order"; "" when none */
    bool tag_pointer;  /* there is one pointer (or reference) before that */
};

/* The parameters and the result of a function. */
struct hf_prototype {
    char *text;                      /* canonical: "int (struct order *, int)"; NULL when unknown; owned */
    struct hf_parameter *parameters; /* owned, their texts are the struct hf_types' */
    size_t parameter_count;
};

/* The types described so far, each once however many functions have it. */
struct hf_types;

/* NULL when out of memory. */
struct hf_types *hf_types_create(Dwarf_Debug dwarf);
/* NULL is fine. The parameters of every function that was described go with it. */
void hf_types_destroy(struct hf_types *types);

/*
 * Fills in a zeroed prototype from a function's DW_TAG_subprogram, and missing parts from its declaration
 * (DW_AT_specification; NULL without one). prototyped: its language has no functions without prototype. HOTFIX_MEMORY;
 * the caller frees what was filled in.
 */
int hf_types_describe(struct hf_types *types, Dwarf_Die subprogram, Dwarf_Die declaration, bool prototyped,
                      struct hf_prototype *prototype, struct hotfix_error *err);

/*
 * May callers of the old prototype call a function of the new one? They may if the only difference is that targets of
 * pointers are const, volatile or restrict in the new prototype: no call depends on that.
 */
bool hf_prototypes_agree(const char *before, const char *after);

/* The type that an entry refers to, as far as it can be read, for people. malloc'ed; NULL when out of memory. */
char *hf_type_text(Dwarf_Debug dwarf, Dwarf_Die holder);

#endif
