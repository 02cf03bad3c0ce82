/* SPDX-License-Identifier: Apache-2.0 */
/* The objects that a patch is linked from, and the placeholders in them (emit.h). */
#ifndef HF_EMISSION_H
#define HF_EMISSION_H

#include <stddef.h>
#include <stdint.h>

#include "fixup.h"

#define HF_PLACEHOLDER_PREFIX "__hotfix_ref_"  /* and a number: index of a placeholder */
#define HF_OWN_PREFIX         "__hotfix_own_"  /* and a number: index of a absolute reference into the patch */
#define HF_NEW_PREFIX         "__hotfix_new_"  /* and a number: a function that replaces one of the target */
#define HF_CODE_PREFIX        "__hotfix_code_" /* and a number: code that a list of work->worlds is about */
#define HF_SCRATCH_PATTERN    "__hotfix_*"     /* all of these */

/* What a placeholder symbol stands for. */
struct hf_placeholder {
    enum hf_fixup_kind kind;
    uint64_t value;
    size_t uses; /* references to it */
};

struct hf_emission {
    const char *directory; /* where the objects are written */
    char **paths;          /* those that were */
    size_t path_count;
    struct hf_placeholder *placeholders;
    size_t placeholder_count;
    uint32_t
        *own_types; /* relocation types of absolute references into the patch itself that only the loader can write */
    size_t own_count;
};

/* A zeroed one is fine. */
void hf_emission_deinit(struct hf_emission *emission);

#endif
