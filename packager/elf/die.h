/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug information entries (DWARF 5, section 2.1), read through libdwarf with the errors that matter: an attribute
 * that is absent or unreadable is "unknown", never a guess.
 */
#ifndef HF_DIE_H
#define HF_DIE_H

#include <libdwarf/dwarf.h>
#include <libdwarf/libdwarf.h>
#include <stdbool.h>
#include <stdint.h>

#define HF_DIE_NONE UINT64_MAX /* no offset, no address */

/* The entry at an offset in .debug_info, NULL when there is none. To be given back with dwarf_dealloc_die(). */
Dwarf_Die hf_die_at(Dwarf_Debug dwarf, uint64_t offset);
uint64_t hf_die_offset(Dwarf_Die die);
Dwarf_Half hf_die_tag(Dwarf_Die die);

/* First child and next sibling; NULL at the end. Give them back with dwarf_dealloc_die(). */
Dwarf_Die hf_die_child(Dwarf_Die die);
Dwarf_Die hf_die_sibling(Dwarf_Debug dwarf, Dwarf_Die die);

bool hf_die_has(Dwarf_Die die, Dwarf_Half attribute);
/* Text that libdwarf owns until the debug information is closed; NULL when absent. */
const char *hf_die_text(Dwarf_Die die, Dwarf_Half attribute);
bool hf_die_number(Dwarf_Die die, Dwarf_Half attribute, uint64_t *number);
/* Offset of the entry that the attribute refers to; HF_DIE_NONE when absent. */
uint64_t hf_die_reference(Dwarf_Die die, Dwarf_Half attribute);
/* The address of its code: DW_AT_low_pc, else DW_AT_entry_pc, else the first of its ranges; HF_DIE_NONE when it has
 * none. */
uint64_t hf_die_address(Dwarf_Debug dwarf, Dwarf_Die die);
/* Bytes from low_pc to high_pc, 0 when unknown. */
uint64_t hf_die_size(Dwarf_Die die);

static inline void hf_cleanup_die(Dwarf_Die *die)
{
    if (*die)
        dwarf_dealloc_die(*die);
}
#define HF_DIE __attribute__((cleanup(hf_cleanup_die)))

#endif
