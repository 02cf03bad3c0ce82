/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof that a program was rebuilt: that another file, which has symbols and debug information, is loaded as the
 * very same bytes as the one that was shipped without them.
 */
#ifndef HF_REBUILT_H
#define HF_REBUILT_H

#include <stdbool.h>

#include "elf/image.h"
#include "hotfix/error.h"

/* Whether a file holds what is loaded: a debug file has only the headers of these sections. */
bool hf_rebuilt_is_whole(const struct hf_image *image);

/*
 * Compares all that a loader reads: ELF header, program headers, each allocated section, and every byte of the file
 * that a segment maps. The build-id may differ, since it is computed from debug information too, and so may what
 * strip(1) writes anew: where section headers lie. HOTFIX_INCOMPATIBLE when something differs: the message names what,
 * how many bytes of it, and the function that the first of them lies in.
 */
int hf_rebuilt_check(const struct hf_image *shipped, const struct hf_image *rebuilt, struct hotfix_error *err);

/*
 * Takes a --rebuilt in the place of --debug: *debug_path becomes `path` when that is proven to be a rebuild of
 * `target`. Does nothing when path is NULL. HOTFIX_USAGE when there is a --debug too; else as hf_image_open() and
 * hf_rebuilt_check().
 */
int hf_rebuilt_take(const char *path, const char *target, const char **debug_path, struct hotfix_error *err);

#endif
