/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input that libdwarf 20210528 cannot handle: it frees twice when a table of range or location lists has a damaged
 * header (dwarf_load_rnglists, dwarf_load_loclists), reads at any offset that such a table contains, uses memory after
 * the last directory as a directory (dwarf_srcfiles, DWARF 5), and counts the empty entries of a line table to 2^64.
 * Found by fuzzing; the fuzz targets image_fuzz and joined_fuzz are the regression tests, guard_test is that of the
 * last one.
 */
#ifndef HF_GUARD_H
#define HF_GUARD_H

#include "dwarf/bytes.h"
#include "elf/image.h"
#include "hotfix/error.h"

/* HOTFIX_FORMAT when the debug information of an image would make libdwarf misbehave. Unpacks compressed sections. */
int hf_guard_check(const struct hf_image *image, struct hotfix_error *err);
/* Whether the bytes of a section of lists, or of line tables, are undamaged so far; or none. */
bool hf_guard_lists(const struct hf_bytes *bytes);
bool hf_guard_lines(const struct hf_bytes *bytes);

#endif
