/* SPDX-License-Identifier: Apache-2.0 */
/* The code of one function that a bundle replaces, as a process has it in memory now. No thread is stopped. */
#ifndef HF_ENTRY_H
#define HF_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "bundle.h"
#include "hotfix/error.h"
#include "process/image.h"
#include "process/target.h"

enum hf_entry {
    HF_ENTRY_OLD,   /* every byte is what the bundle was made for */
    HF_ENTRY_NEW,   /* it goes on in the bundle's own replacement */
    HF_ENTRY_PATCH, /* it goes on in the patch of another bundle */
    HF_ENTRY_OTHER  /* neither */
};

struct hf_entry_place {
    const struct hf_target *target;
    const struct hf_images *images;
    const struct hf_image *image; /* the copy of the target */
    const struct hf_bundle *bundle;
    const struct hf_manifest_function *function;
};

/*
 * What calls of the function find. *patch: the image that they go on in, NULL when they stay. HOTFIX_NO_TARGET when the
 * memory cannot be read, HOTFIX_MEMORY.
 */
int hf_entry_read(const struct hf_entry_place *place, enum hf_entry *entry, const struct hf_image **patch,
                  struct hotfix_error *err);

/* What was seen of a diverted function byte by byte. */
struct hf_entry_bytes {
    bool kept;     /* the rest of the old function is as before */
    bool unread;   /* ...which could not be compared: its file is gone */
    bool replaced; /* the replacement is as in the bundle's patch, but for what is resolved when it is loaded */
};

/* Compares all bytes of a function of which hf_entry_read() said HF_ENTRY_NEW. HOTFIX_NO_TARGET, HOTFIX_FORMAT,
 * HOTFIX_MEMORY. */
int hf_entry_compare(const struct hf_entry_place *place, const struct hf_image *patch, struct hf_entry_bytes *bytes,
                     struct hotfix_error *err);

/* The id of the bundle that an image is the patch of, by its SONAME; false when it is none. */
bool hf_entry_bundle(const struct hf_image *image, char id[2 * HF_ID_SIZE + 1]);

#endif
