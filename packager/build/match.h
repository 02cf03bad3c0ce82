/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which section of one object is which of another, compiled from another version of the same source.
 *
 * Names decide where they can. Compilers number static locals and function clones, and renumber them at will: such a
 * name is matched by its stem, and where one stem stands for several things, by the functions that use them and the
 * order in which they do.
 */
#ifndef HF_MATCH_H
#define HF_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "build/object.h"
#include "hotfix/error.h"

#define HF_UNMATCHED 0u

struct hf_match {
    const struct hf_object *old_object;
    const struct hf_object *new_object;
    uint32_t *old_of; /* by section of the new object; HF_UNMATCHED: it is new */
    uint32_t *new_of; /* by section of the old object; HF_UNMATCHED: it is gone */
    bool *ambiguous;  /* by section of the new object: it may be one of several, or new */
};

/* Both objects must outlive the match. HOTFIX_MEMORY. */
int hf_match_create(const struct hf_object *old_object, const struct hf_object *new_object, struct hf_match *match,
                    struct hotfix_error *err);
void hf_match_deinit(struct hf_match *match);

#endif
