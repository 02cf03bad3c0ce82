/* SPDX-License-Identifier: Apache-2.0 */
/* The entries that the dynamic section of patch.so may have: those that are known to run and load nothing. */
#ifndef HF_DYNTAG_H
#define HF_DYNTAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_DYNTAG_TWICE (-2) /* no tag of any file's */

/*
 * Finds the first entry of a dynamic section, up to DT_NULL, that is not known to be inert: one that loads further
 * libraries (DT_FILTER, DT_AUXILIARY, DT_AUDIT), says where they are searched (DT_RUNPATH), keeps the patch loaded for
 * ever, or is unknown. False when there is none; else *tag and *value are those of the entry. DT_NULL means that the
 * section has no end, so that the dynamic linker would read on. HF_DYNTAG_TWICE, with the tag as its value, means that
 * a tag is there twice: the dynamic linker uses the last one, and other readers may have used the first. Constructors
 * and needed libraries are checked elsewhere.
 */
bool hf_dyntag_find(const uint8_t *section, size_t size, int64_t *tag, uint64_t *value);

/* What such an entry does, as in "it asks for ...". */
const char *hf_dyntag_what(int64_t tag);

#endif
