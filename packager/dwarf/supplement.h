/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Supplementary files: dwz moves entries and texts that several programs share into one file, which their debug
 * information then refers to (DWARF 5, section 7.3.6; .gnu_debugaltlink and the GNU forms before it). libdwarf reads
 * one file at a time, so the two are joined in memory: the supplementary file's sections are appended to the program's,
 * and every reference between the files becomes a reference within one.
 */
#ifndef HF_SUPPLEMENT_H
#define HF_SUPPLEMENT_H

#include "dwarf/joined.h"
#include "elf/image.h"
#include "hotfix/error.h"

/*
 * Joins an image's supplementary file to it, found under its given name (relative to the image's directory), or by
 * build-id below root. *joined (to be freed) is NULL when the image needs none, or when *note (malloc'ed) says why it
 * could not be used. HOTFIX_MEMORY; HOTFIX_FORMAT when debug information is damaged.
 */
int hf_supplement_open(const struct hf_image *image, const char *root, struct hf_joined **joined, char **note,
                       struct hotfix_error *err);

#endif
