/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Separate debug files: where symbols and DWARF of a stripped program are (gdb manual, "Debugging Information in
 * Separate Files").
 */
#ifndef HF_DEBUGFILE_H
#define HF_DEBUGFILE_H

#include "elf/image.h"
#include "hotfix/error.h"

#define HF_DEBUG_ROOT "/usr/lib/debug" /* where Debian's -dbgsym packages put them */

/*
 * The file given by name: it must belong to the image (equal build-ids), HOTFIX_INCOMPATIBLE else; HOTFIX_IO,
 * HOTFIX_FORMAT.
 */
int hf_debugfile_open(const struct hf_image *image, const char *path, struct hf_image *debug, struct hotfix_error *err);

/*
 * Looks in the build-id directory, then behind .gnu_debuglink (beside the image, in .debug/, below HF_DEBUG_ROOT). 1:
 * found, debug is open. 0: there is none; *note (malloc'ed) says what was looked for, or which file was passed over and
 * why. -1: HOTFIX_MEMORY.
 */
int hf_debugfile_find(const struct hf_image *image, struct hf_image *debug, char **note, struct hotfix_error *err);

#endif
