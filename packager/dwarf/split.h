/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Split debug information (DWARF 5, sections 3.1.2, 7.3.2 and 7.3.5): a program has skeletons of its units; the entries
 * of each are in a .dwo file. In memory they become complete units of the program, with the skeleton's addresses and
 * the file's texts and ranges.
 */
#ifndef HF_SPLIT_H
#define HF_SPLIT_H

#include "dwarf/joined.h"
#include "elf/image.h"
#include "hotfix/error.h"

/*
 * Appends the units of all .dwo files that an image names to its own; the files are searched under the given name, else
 * beside the image. *joined (to be freed) is NULL when the image has no skeletons, or when *note (malloc'ed) says which
 * of the files could not be used. HOTFIX_MEMORY; HOTFIX_FORMAT when debug information is damaged.
 */
int hf_split_open(const struct hf_image *image, struct hf_joined **joined, char **note, struct hotfix_error *err);

#endif
