/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a class's table of virtual methods, from its debug information: which method is in which slot. Existing
 * objects and loaded libraries keep the table with which they were compiled.
 */
#ifndef HF_METHODS_H
#define HF_METHODS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dwarf/die.h"

#define HF_METHOD_ANYWHERE UINT64_MAX

struct hf_method {
    const char *name;    /* "wipe"; libdwarf's */
    const char *linkage; /* its linkage name, which overloads differ in; its name without one */
    uint64_t slot; /* HF_METHOD_ANYWHERE: not recorded, for example by gcc for destructors, which take two slots */
    bool implicit; /* not in the source: compilers record it only if it is used */
};

struct hf_methods {
    struct hf_method *items; /* the virtual ones, in their order */
    size_t count;
    bool unknown; /* something could not be read */
};

/* HOTFIX_MEMORY as -1; damage makes the rest unknown. */
int hf_methods_read(Dwarf_Debug dwarf, Dwarf_Die class, struct hf_methods *methods);
/* The method with this linkage name, or NULL. */
const struct hf_method *hf_methods_find(const struct hf_methods *methods, const char *linkage);
void hf_methods_deinit(struct hf_methods *methods);
#define HF_METHODS __attribute__((cleanup(hf_methods_deinit)))

#endif
