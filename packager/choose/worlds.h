/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code that may call functions with which it was not compiled together.
 *
 * A compiler compiles callers with facts about the functions of their file (facts.h). Code that was compiled together
 * is called a world: the old objects are one world, the new ones another. A function that is the same in both fits
 * both. The following code may not:
 *
 * - the old version of a changed function that a thread is inside at the apply, and at the revert the patch's version
 *   or a new function of the patch, if its calls lead to a function that is diverted. If everything that refers to the
 *   called function is replaced itself, the called function is left undiverted: old code calls old code, new code calls
 *   new code. Otherwise no thread may be inside the caller at the switch.
 * - functions of the target that the patch calls, if another bundle brings another version of them: the patch names
 *   such functions, and the loader refuses to apply both. The same holds for functions of the release of which the
 *   patch has a copy that no detour reaches: left undiverted, specialised for some callers, or inlined where they were
 *   not before. Another bundle that fixes such a function does not reach that copy.
 *
 * If the compiler used no such facts (-O0, -flive-patching=inline-only-static, -fno-ipa-ra and similar flags, functions
 * that may be interposed), only the part about such copies applies.
 */
#ifndef HF_WORLDS_H
#define HF_WORLDS_H

#include "patch/world.h"
#include "reference/work.h"

/* A part that a list of struct hf_worlds is about. */
struct hf_world_code {
    enum hf_world_kind kind;
    const struct hf_pairing *pairing;
    const struct hf_part *part; /* of the new object where the kind is HF_WORLD_LEFT_TO_REVERT, else of the old one */
};

/* Separates changed functions that only replaced functions call from their twins. HOTFIX_MEMORY. */
int hf_worlds_part(struct hf_work *work, struct hotfix_error *err);

/*
 * Fills work->worlds, and puts functions that must be replaced together into one group; call it after it was decided
 * what is kept. HOTFIX_INCOMPATIBLE naming a caller that the program never leaves; HOTFIX_UNPROVEN, HOTFIX_MEMORY.
 */
int hf_worlds_find(struct hf_work *work, struct hotfix_error *err);

#endif
