/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of a class's table of virtual methods, as its debug information tells: which method is in which slot.
 * Objects that exist, and libraries that are loaded, keep the table that they were compiled with.
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
    uint64_t slot;       /* HF_METHOD_ANYWHERE: not told, as gcc does of destructors, which take two */
    bool implicit;       /* nobody wrote it: compilers tell of it only where it is used */
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
