/* SPDX-License-Identifier: Apache-2.0 */
/* What the dynamic section of patch.so may ask of the dynamic linker: what is known to run and load nothing. */
#ifndef HF_DYNTAG_H
#define HF_DYNTAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_DYNTAG_TWICE (-2) /* no tag of any file's */

/*
 * Looks through the entries of a dynamic section, up to DT_NULL, for the first that is not known to be inert: one that
 * loads further libraries (DT_FILTER, DT_AUXILIARY, DT_AUDIT), says where they are looked for (DT_RUNPATH), keeps the
 * patch loaded for good, or is unknown. False when there is none; else *tag and *value are its own: DT_NULL where the
 * section has no end, behind which the dynamic linker would go on, HF_DYNTAG_TWICE with the tag as its value where the
 * dynamic linker takes the last of two, and others may have looked at the first. Constructors and the libraries that
 * are needed are for others to look at.
 */
bool hf_dyntag_find(const uint8_t *section, size_t size, int64_t *tag, uint64_t *value);

/* What such an entry does, as in "it asks for ...". */
const char *hf_dyntag_what(int64_t tag);

#endif
