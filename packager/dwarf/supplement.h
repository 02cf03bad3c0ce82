/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Supplementary files: dwz moves entries and texts that several programs share into one file, which their debug
 * information then refers to (DWARF 5, section 7.3.6; .gnu_debugaltlink and the GNU forms before it). libdwarf reads
 * one file at a time, so the two are put together in memory: the supplementary file's sections behind the program's,
 * and every reference from one to the other made one within.
 */
#ifndef HF_SUPPLEMENT_H
#define HF_SUPPLEMENT_H

#include "dwarf/joined.h"
#include "elf/image.h"
#include "hotfix/error.h"

/*
 * Puts an image's supplementary file to it: as it is named, relative to the image's own directory, or by build-id below
 * root. *joined (to be freed) is NULL when the image needs none, or when *note (malloc'ed) says why it could not be
 * used. HOTFIX_MEMORY; HOTFIX_FORMAT when debug information is damaged.
 */
int hf_supplement_open(const struct hf_image *image, const char *root, struct hf_joined **joined, char **note,
                       struct hotfix_error *err);

#endif
