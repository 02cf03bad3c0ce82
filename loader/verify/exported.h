/* SPDX-License-Identifier: Apache-2.0 */
/* The dynamic symbols of a module, as the dynamic linker has them in memory. */
#ifndef HF_EXPORTED_H
#define HF_EXPORTED_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_exported {
    const ElfW(Sym) * table;
    const char *names;
    size_t count;
    const ElfW(Rela) * relocations; /* those for data, NULL without */
    size_t relocation_count;
};

/* False when the module has none; `dynamic` is the address of its dynamic section, 0 without one. */
bool hf_exported_read(uintptr_t base, uintptr_t dynamic, struct hf_exported *exported);

/* Does it define this name for others? */
bool hf_exported_defines(const struct hf_exported *exported, const char *name);

/* Is that place, relative to the module, the copy of another module's variable (a copy relocation)? */
bool hf_exported_copies(const struct hf_exported *exported, uintptr_t place);

#endif
