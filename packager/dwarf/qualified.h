/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names with their scopes, as C++ needs them: "app::Conf", "(anonymous namespace)::Table", "_Z5setupv::Local". Scopes
 * are namespaces, classes and functions; functions have their linkage names, since overloads share the plain name.
 */
#ifndef HF_QUALIFIED_H
#define HF_QUALIFIED_H

#include "dwarf/die.h"

/* Is a DW_AT_language C++ of some year? */
bool hf_qualified_language(uint64_t language);
/* Is the language of a unit (its DW_TAG_compile_unit) C++ of some year? Others have no scopes. */
bool hf_qualified_unit(Dwarf_Die unit);

#define HF_QUALIFIED_CLOSURE   "{closure}"             /* the class of a lambda, within a function */
#define HF_QUALIFIED_ANONYMOUS "(anonymous namespace)" /* in each unit another one */

/*
 * Is it a name that the language keeps for the compiler and its libraries: of namespace std, or one with an underscore
 * in front as __locale_data? What it means belongs to the compiler, which is the same on both sides.
 */
bool hf_name_reserved(const char *name);

/*
 * Receives a type, typedef or variable and its name with its scopes. Equal names within a function get a number by
 * their order: "_Z3runv::Local", "_Z3runv::Local#1". A result other than 0 ends the walk.
 */
typedef int (*hf_qualified_fn)(Dwarf_Die die, const char *name, void *arg);

/*
 * Calls fn for all names of a unit at file scope and, in C++, in namespaces and classes; if `functions` is set, also in
 * functions. 0, -1 when the tree is damaged or memory is out, else what fn returned.
 */
int hf_qualified_walk(Dwarf_Debug dwarf, Dwarf_Die unit, bool functions, hf_qualified_fn fn, void *arg);

/* Names of entries by their offsets; a unit is read when one of its entries is first asked for. */
struct hf_qualified;

/* NULL when out of memory. */
struct hf_qualified *hf_qualified_create(Dwarf_Debug dwarf);
/* NULL is fine. */
void hf_qualified_destroy(struct hf_qualified *qualified);

/*
 * The name of a type with its scopes, which lives as long as `qualified`; its plain name where the unit is not one of
 * C++. NULL when it has none or cannot be read.
 */
const char *hf_qualified_name(struct hf_qualified *qualified, Dwarf_Die die);
/* Is the unit of an entry one of C++? False when it cannot be read. */
bool hf_qualified_scoped(struct hf_qualified *qualified, Dwarf_Die die);

#endif
