/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Split debug information (DWARF 5, sections 3.1.2, 7.3.2 and 7.3.5): a program holds skeletons of its units, whose
 * entries are in a .dwo file each. In memory they become whole units of the program's own, with the skeleton's
 * addresses and the file's texts and ranges.
 */
#ifndef HF_SPLIT_H
#define HF_SPLIT_H

#include "dwarf/joined.h"
#include "elf/image.h"
#include "hotfix/error.h"

/*
 * Puts the units of all .dwo files that an image names behind its own: as they are named, else beside the image.
 * *joined (to be freed) is NULL when the image has no skeletons, or when *note (malloc'ed) says which of the files
 * could not be used. HOTFIX_MEMORY; HOTFIX_FORMAT when debug information is damaged.
 */
int hf_split_open(const struct hf_image *image, struct hf_joined **joined, char **note, struct hotfix_error *err);

#endif
