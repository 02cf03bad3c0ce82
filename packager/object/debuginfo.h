/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The debug information of an object file through libdwarf. In an object every section begins at address 0; here each
 * part begins at a different address, so that an address identifies its part. Relocations are applied here: once
 * libdwarf 20210528 has opened a file through libelf itself, it cannot read other files (dwarf/sections.h).
 */
#ifndef HF_DEBUGINFO_H
#define HF_DEBUGINFO_H

#include <libdwarf/dwarf.h>
#include <libdwarf/libdwarf.h>

#include "object/object.h"

struct hf_debuginfo_section {
    uint8_t *bytes; /* unpacked, with its relocations applied; NULL when it is not debug information */
    size_t size;
};

struct hf_debuginfo {
    Dwarf_Debug dwarf;
    struct Dwarf_Obj_Access_Interface_s access;
    const struct hf_object *object;
    struct hf_debuginfo_section *sections; /* by section number */
};

/*
 * *info becomes NULL when there is no debug information; the object must outlive it. HOTFIX_MEMORY; HOTFIX_FORMAT when
 * it cannot be read.
 */
int hf_debuginfo_open(const struct hf_object *object, struct hf_debuginfo **info, struct hotfix_error *err);
void hf_debuginfo_close(struct hf_debuginfo *info);

/* The address at which a part begins, and the part that an address lies in (NULL: none). */
uint64_t hf_debuginfo_address(const struct hf_part *part);
struct hf_part *hf_debuginfo_part(const struct hf_object *object, uint64_t address, uint64_t *offset);

/* Calls fn for each unit's entry until it returns other than 0, and returns that. */
int hf_debuginfo_units(struct hf_debuginfo *info, int (*fn)(Dwarf_Debug dwarf, Dwarf_Die unit, void *arg), void *arg);

/* DW_AT_producer of its units, malloc'ed; "" when it is not recorded, or not the same in all. NULL: out of memory. */
char *hf_debuginfo_producer(const struct hf_object *object);

static inline void hf_cleanup_debuginfo(struct hf_debuginfo **info)
{
    hf_debuginfo_close(*info);
}
#define HF_DEBUGINFO __attribute__((cleanup(hf_cleanup_debuginfo)))

#endif
