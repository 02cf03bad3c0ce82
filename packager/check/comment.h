/* SPDX-License-Identifier: Apache-2.0 */
/* The .comment section: the compilers that had a part in a file, each named once. */
#ifndef HF_COMMENT_H
#define HF_COMMENT_H

#include <stdbool.h>

#include "elf/image.h"
#include "hotfix/error.h"

/*
 * Its strings ordered by text, " + " between them, "" without the section; single tells that there is exactly one,
 * which then made every unit (crt files included). What a linker wrote about itself does not count. *text is malloc'ed.
 * HOTFIX_MEMORY.
 */
int hf_comment_read(const struct hf_image *image, char **text, bool *single, struct hotfix_error *err);

#endif
