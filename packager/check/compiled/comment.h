/* SPDX-License-Identifier: Apache-2.0 */
/* The .comment section: the compilers that had a part in a file, each named once. */
#ifndef HF_COMMENT_H
#define HF_COMMENT_H

#include <stddef.h>

#include "elf/image.h"
#include "hotfix/error.h"

struct hf_comment {
    char *text;     /* its strings, " + " between them; "" without the section */
    char **strings; /* ordered by text; a single one made every unit, crt files included */
    size_t count;
};

/* What a linker wrote about itself does not count. HOTFIX_MEMORY. */
int hf_comment_read(const struct hf_image *image, struct hf_comment *comment, struct hotfix_error *err);
void hf_comment_deinit(struct hf_comment *comment);

#define HF_COMMENT __attribute__((cleanup(hf_comment_deinit)))

#endif
