/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a unit declares at file scope, by name: types by tag, typedefs, variables. Of C++ also what is in namespaces,
 * classes and functions, by names with their scopes (qualified.h), variables by their linkage names, too.
 */
#ifndef HF_NAMES_H
#define HF_NAMES_H

#include <stdint.h>

#include "dwarf/asked.h"
#include "dwarf/dwarf.h"
#include "hotfix/error.h"

enum hf_name_space {
    HF_NAME_TAG, /* structures, unions, enumerations */
    HF_NAME_TYPEDEF,
    HF_NAME_VARIABLE,
    HF_NAME_NONE /* no such thing */
};

/* What an entry's name belongs to. */
enum hf_name_space hf_name_space(Dwarf_Half tag);

struct hf_name_entry;

struct hf_names {
    struct hf_name_entry *items;
    size_t count;
};

/* The unit's entries, those of partial units that it imports among them. HOTFIX_FORMAT, HOTFIX_MEMORY. */
int hf_names_read(struct hf_dwarf *dwarf, size_t unit, struct hf_names *names, struct hotfix_error *err);
void hf_names_deinit(struct hf_names *names);

/*
 * Offset in .debug_info of the entry with this name: a definition if there is one, else a declaration; for a variable,
 * the entry that has its type. HF_DIE_NONE when there is none. *declaration (may be NULL) is set if it is a
 * declaration.
 */
uint64_t hf_names_find(const struct hf_names *names, enum hf_name_space space, const char *name, bool *declaration);

/*
 * Asks for the variables at file scope of a unit that no other file knows: units that have one may be the same file's.
 * HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_names_ask_static(struct hf_dwarf *dwarf, size_t unit, struct hf_asked *asked, struct hotfix_error *err);

#endif
