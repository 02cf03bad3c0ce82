/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug information entries (DWARF 5, section 2.1), read through libdwarf. An absent attribute is unknown and never
 * guessed; a damaged tree is reported differently from the end of a tree.
 */
#ifndef HF_DIE_H
#define HF_DIE_H

#include <libdwarf/dwarf.h>
#include <libdwarf/libdwarf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_DIE_NONE UINT64_MAX /* no offset, no address */

/* The entry at an offset in .debug_info, NULL when there is none. Free it with dwarf_dealloc_die(). */
Dwarf_Die hf_die_at(Dwarf_Debug dwarf, uint64_t offset);
uint64_t hf_die_offset(Dwarf_Die die);
Dwarf_Half hf_die_tag(Dwarf_Die die);

/*
 * Iterates over the children of an entry: *child is NULL before the first call, and each call frees the previous one. 1
 * while there is one, 0 at the end, -1 when the tree is damaged; *child is NULL then. Offsets only grow, so that no
 * damage makes it endless.
 */
int hf_die_next(Dwarf_Debug dwarf, Dwarf_Die parent, Dwarf_Die *child);
/*
 * The same, but the previous child (NULL before the first call) stays the caller's; *next is set while there is a
 * child.
 */
int hf_die_follow(Dwarf_Debug dwarf, Dwarf_Die parent, Dwarf_Die before, Dwarf_Die *next);

bool hf_die_has(Dwarf_Die die, Dwarf_Half attribute);
/* Text that libdwarf owns until the debug information is closed; NULL when absent. */
const char *hf_die_text(Dwarf_Die die, Dwarf_Half attribute);
bool hf_die_number(Dwarf_Die die, Dwarf_Half attribute, uint64_t *number);
/* Bytes of an attribute's value, an expression for one; libdwarf's. */
struct hf_die_block {
    const uint8_t *bytes;
    size_t size;
};

/* Reads an attribute whose value is a block or an expression; false when it is absent or something else. */
bool hf_die_block(Dwarf_Die die, Dwarf_Half attribute, struct hf_die_block *block);
bool hf_die_block_equal(const struct hf_die_block *a, const struct hf_die_block *b);

/* Offset in .debug_info of the entry that the attribute refers to; HF_DIE_NONE when absent. */
uint64_t hf_die_reference(Dwarf_Die die, Dwarf_Half name);
/* The entry that the attribute refers to, which may lie in a type unit. NULL when absent or unreadable. */
Dwarf_Die hf_die_refer(Dwarf_Debug dwarf, Dwarf_Die die, Dwarf_Half name);

/* DW_AT_low_pc, else DW_AT_entry_pc; HF_DIE_NONE without either. */
uint64_t hf_die_entry(Dwarf_Die die);

/* The address of a variable, or its offset in the thread-local block; false when it has none, or no single one. */
bool hf_die_place(Dwarf_Die die, uint64_t *address, bool *thread);

/* What the ranges of an entry depend on. */
struct hf_die_unit {
    Dwarf_Half version;
    uint64_t base; /* DW_AT_low_pc of the unit, 0 when absent */
};

typedef int (*hf_die_range_fn)(uint64_t begin, uint64_t end, void *arg);

/*
 * Calls fn for each range of code of an entry that is not empty, in their order: DW_AT_low_pc and DW_AT_high_pc, or
 * DW_AT_ranges (where the first one holds the entry point). 0; -1 when the ranges are damaged or fn returned other than
 * 0.
 */
int hf_die_ranges(Dwarf_Debug dwarf, Dwarf_Die die, const struct hf_die_unit *unit, hf_die_range_fn fn, void *arg);

static inline void hf_cleanup_die(Dwarf_Die *die)
{
    if (*die)
        dwarf_dealloc_die(*die);
}
#define HF_DIE __attribute__((cleanup(hf_cleanup_die)))

#endif
