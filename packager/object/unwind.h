/* SPDX-License-Identifier: Apache-2.0 */
/* .eh_frame of an object file (LSB Core, "Exception Frames"), reduced to the functions that are kept. */
#ifndef HF_UNWIND_H
#define HF_UNWIND_H

#include "object/object.h"

struct hf_unwind {
    uint8_t *bytes;
    size_t size;
    struct hf_reference *references;
    size_t reference_count;
};

typedef bool (*hf_unwind_keep_fn)(const struct hf_part *code, void *arg);

/*
 * The entries of those functions for which keep() is true, with the entries that they share. Nothing is kept when the
 * part is not .eh_frame. HOTFIX_FORMAT when it is damaged, HOTFIX_MEMORY.
 */
int hf_unwind_cut(const struct hf_part *part, hf_unwind_keep_fn keep, void *arg, struct hf_unwind *unwind,
                  struct hotfix_error *err);
void hf_unwind_deinit(struct hf_unwind *unwind);

#endif
