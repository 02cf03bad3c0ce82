/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof that a file is a rebuild of a shipped program: the file, which has symbols and debug information, is loaded
 * as exactly the same bytes as the shipped program, which has none.
 */
#ifndef HF_REBUILT_H
#define HF_REBUILT_H

#include <stdbool.h>

#include "elf/image.h"
#include "hotfix/error.h"

/* Does a file contain the loaded sections? A debug file has only their headers. */
bool hf_rebuilt_is_whole(const struct hf_image *image);

/*
 * Compares everything that a loader reads: ELF header, program headers, each allocated section, and every byte of the
 * file that a segment maps. The build-id may differ, since it is computed from debug information, too, and so may the
 * place of the section headers, which strip(1) writes anew. HOTFIX_INCOMPATIBLE when something differs: the message
 * says what differs, in how many bytes, and in which function the first of them lies.
 */
int hf_rebuilt_check(const struct hf_image *shipped, const struct hf_image *rebuilt, struct hotfix_error *err);

/*
 * Uses --rebuilt instead of --debug: *debug_path becomes `path` if that is proven to be a rebuild of `target`. Does
 * nothing when path is NULL. HOTFIX_USAGE when there is a --debug too; else as hf_image_open() and hf_rebuilt_check().
 */
int hf_rebuilt_take(const char *path, const char *target, const char **debug_path, struct hotfix_error *err);

#endif
