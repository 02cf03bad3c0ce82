/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libdwarf 20210528 must not be given: it frees twice when a table of range or location lists has a damaged header
 * (dwarf_load_rnglists, dwarf_load_loclists), and reads wherever an offset in such a table leads. Found by fuzzing; the
 * fuzz target image_fuzz is the regression test.
 */
#ifndef HF_GUARD_H
#define HF_GUARD_H

#include "elf/bytes.h"
#include "elf/image.h"
#include "hotfix/error.h"

/* HOTFIX_FORMAT when the debug information of an image would make libdwarf misbehave. Unpacks compressed sections. */
int hf_guard_check(const struct hf_image *image, struct hotfix_error *err);
/* Whether bytes are such tables, undamaged; or none. */
bool hf_guard_tables(const struct hf_bytes *bytes);

#endif
