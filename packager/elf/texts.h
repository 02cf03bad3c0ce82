/* SPDX-License-Identifier: Apache-2.0 */
/* The texts in what a linked file loads, which tell of where and with what it was built. */
#ifndef HF_TEXTS_H
#define HF_TEXTS_H

#include <stdbool.h>
#include <stddef.h>

#include "elf/image.h"
#include "hotfix/error.h"

struct hf_texts {
    const char **items; /* ordered, each once; owned by the image */
    size_t count;
};

/* Texts of four characters and more, in sections of data. HOTFIX_MEMORY. */
int hf_texts_read(const struct hf_image *image, struct hf_texts *texts, struct hotfix_error *err);
void hf_texts_deinit(struct hf_texts *texts);

/*
 * Calls visit for each whole path in the texts that ends in a directory of this name, or leads through one: up to
 * there, without "." and "..". Stops at a result other than 0, which is returned.
 */
typedef int (*hf_texts_visit)(const char *path, void *arg);
int hf_texts_each_path(const struct hf_texts *texts, const char *name, hf_texts_visit visit, void *arg);

/* Where a text of one file and a text of another one differ, by whole words. */
struct hf_texts_difference {
    char ours[100];
    char theirs[100];
};

/* Of the texts that only one of two files has, the two that have the most in common; false where there are none. */
bool hf_texts_differ(const struct hf_texts *ours, const struct hf_texts *theirs,
                     struct hf_texts_difference *difference);

#endif
