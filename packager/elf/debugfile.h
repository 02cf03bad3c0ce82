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
 * The file given by name: it must belong to the image, by build-id, or where the image has none by the checksum in
 * .gnu_debuglink. A whole program of another build-id belongs to it when it is proven to be a rebuild (rebuilt.h).
 * HOTFIX_INCOMPATIBLE when it does not, HOTFIX_UNPROVEN when the image has neither; HOTFIX_IO, HOTFIX_FORMAT.
 */
int hf_debugfile_open(const struct hf_image *image, const char *path, struct hf_image *debug, struct hotfix_error *err);

/*
 * Looks in the build-id directory below root (HF_DEBUG_ROOT), then in that of the cache ($XDG_CACHE_HOME/hotfix/debug
 * or
 * ~/.cache/hotfix/debug, where `hotfix build --deb` leaves what it rebuilt) if this user or root owns it, then by the
 * name in .gnu_debuglink: beside the image, in .debug/, below root. 1: found, debug is open. 0: there is none; *note
 * (malloc'ed) says what was searched for, or which file was ignored and why, for example because other users could have
 * put it there (beside.h). -1: HOTFIX_MEMORY.
 */
int hf_debugfile_find(const struct hf_image *image, const char *root, struct hf_image *debug, char **note,
                      struct hotfix_error *err);

#endif
