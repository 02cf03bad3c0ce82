/* SPDX-License-Identifier: Apache-2.0 */
/* From DWARF to the functions of a program: one pass over the units, then each function is completed from its entries.
 */
#ifndef HF_DWARF_H
#define HF_DWARF_H

#include "elf/program.h"
#include "hotfix/error.h"

/*
 * Reads program->debug's DWARF into program->units and the functions that the program has already (from its symbols).
 * No debug information is no error: has_dwarf stays false and debug_note says why. HOTFIX_FORMAT when it is damaged;
 * HOTFIX_MEMORY.
 */
int hf_dwarf_read(struct hf_program *program, struct hotfix_error *err);

#endif
