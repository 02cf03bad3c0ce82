/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stamping a finished shared object: a SONAME, in place of the one that it may have, and the note of stamp.h that the
 * loader finds in memory.
 *
 * Nothing that is mapped moves: one more PT_LOAD segment is appended with a new program header table, an extended
 * string table, the note and, where the dynamic section has no entry to spare, a copy of that. Any ELF64 little-endian
 * ET_DYN file will do, whichever linker made it, stripped or not.
 * Not supported: more than 65,279 sections or 65,534 segments (extended numbering). Readers of every kind take the
 * outcome; strip(1) and objcopy(1), which lay files out anew, must do their work before.
 */
#ifndef HF_RESTAMP_H
#define HF_RESTAMP_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "manifest.h"

/*
 * Writes a copy of the shared object with the manifest's id, version and soname stamped into it; *stamped is malloc'ed.
 * The same inputs give the same bytes. HOTFIX_FORMAT for what is malformed or not a shared object, HOTFIX_USAGE for one
 * that carries a stamp already. Every byte of the input is foreign.
 */
int hf_restamp(const struct hf_manifest *manifest, const void *elf, size_t size, uint8_t **stamped,
               size_t *stamped_size, struct hotfix_error *err);

#endif
