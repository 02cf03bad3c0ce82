/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The section .GCC.command.line, which gcc writes under -frecord-gcc-switches and clang under -frecord-command-line:
 * one text for each distinct command line. Stripping keeps it.
 */
#ifndef HF_SWITCHES_H
#define HF_SWITCHES_H

#include "elf/image.h"
#include "hotfix/error.h"

/*
 * The text that describes a unit, in the form of DW_AT_producer: clang's texts name the source file, so the one with
 * the unit's file is taken; gcc's texts name none, so there must be only one. "" when no text or no single one does.
 * unit: its source file as the compiler was given it, NULL when unknown. *text is malloc'ed. HOTFIX_MEMORY.
 */
int hf_switches_read(const struct hf_image *image, const char *unit, char **text, struct hotfix_error *err);

#endif
