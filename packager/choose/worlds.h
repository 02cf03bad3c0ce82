/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code that meets functions which it was not compiled together with.
 *
 * A compiler fits callers to what it knows of the functions of their file (facts.h). The old objects are one such
 * world, the new ones another. A function that is the same in both agrees with both. These do not by themselves:
 *
 * - an old version of a changed function that a thread is inside while the patch is applied, and, while it is reverted,
 *   the patch's version or a function that the patch brought, if their calls lead to a function that is diverted.
 *   Where all that refers to such a function is itself replaced, it is left undiverted: old code finishes with old
 * code, new code with new code. Else no thread may be inside the caller in that moment.
 * - what the patch calls in the target, when another bundle brings another version of it: such functions are named, and
 *   the loader refuses to have both. So it does with functions of the release of which the patch has code that no
 *   detour leads to: left undiverted, in a version for some callers, or inlined where they were not before. Another
 *   bundle that fixes such a function does not know of that code.
 *
 * But for that code: where the compiler used no such facts (-O0, -flive-patching=inline-only-static, -fno-ipa-ra
 * and its kin, functions that may be interposed) nothing of this applies.
 */
#ifndef HF_WORLDS_H
#define HF_WORLDS_H

#include "patch/world.h"
#include "reference/work.h"

/* A part that such a list is about. */
struct hf_world_code {
    enum hf_world_kind kind;
    const struct hf_pairing *pairing;
    const struct hf_part *part; /* of the new object where the kind is HF_WORLD_LEFT_TO_REVERT, else of the old one */
};

/* Takes changed functions that only replaced functions call apart from their twins. HOTFIX_MEMORY. */
int hf_worlds_part(struct hf_work *work, struct hotfix_error *err);

/*
 * Fills work->worlds, and puts functions that must be replaced together into one group; to be called when it is known
 * what is kept. HOTFIX_INCOMPATIBLE naming a caller that the program never leaves; HOTFIX_UNPROVEN, HOTFIX_MEMORY.
 */
int hf_worlds_find(struct hf_work *work, struct hotfix_error *err);

#endif
