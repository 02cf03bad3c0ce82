/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects that patch.so is linked from: of each new object the parts that are kept, with references to the target
 * turned into references to placeholders. A placeholder is a hidden symbol in a section without content, so the linker
 * accepts it wherever it accepts something near; the relocations that it leaves behind say where the fix-ups go.
 */
#ifndef HF_EMIT_H
#define HF_EMIT_H

#include "fixup.h"
#include "link/work.h"

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

/* Writes the objects. HOTFIX_INCOMPATIBLE naming a reference that has no form in a patch, HOTFIX_IO, HOTFIX_MEMORY. */
int hf_emit(struct hf_work *work, struct hf_emission *emission, struct hotfix_error *err);
void hf_emission_deinit(struct hf_emission *emission);

#endif
