/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matches functions and static variables of the old object with those of the new one if compilers made up the names:
 * "count.1" and "total.constprop.0" of gcc, "parse.count.1" and "stats.0" of clang. The numbers have no meaning: they
 * are given anew in each build.
 *
 * A static variable is state, so a guess is not enough. Two are the same if one of these proves it:
 * - A function, or a variable's initial value, that is the same on both sides refers to them in the same place.
 * - Debug information says that they are declared in the same function, under the same name, with the same type, both
 *   in a block or both not, with the same initial value, and no other variable on either side is. If the compiler left
 *   out some variables of that name, the same ones are missing before and after it on both sides.
 * - For several in one function: no block was added, removed or moved (blocks.h).
 * - Its function has another name but the same code, and no other function matches that one.
 * - It is the only remaining one of its name and type, and moved to a new function that its old function calls.
 *
 * A clone of a function is the same if it has the same code, or if an unchanged caller shows it. Other clones get no
 * twin: then their callers differ and go into the patch together with the new clone.
 */
#ifndef HF_NUMBERED_H
#define HF_NUMBERED_H

#include "compare/roster.h"

struct hf_numbered;

/* For two objects with these names. All of them must outlive it. HOTFIX_FORMAT, HOTFIX_MEMORY. */
int hf_numbered_create(const struct hf_roster *before, const struct hf_roster *after, struct hf_numbered **numbered,
                       struct hotfix_error *err);
void hf_numbered_destroy(struct hf_numbered *numbered);

/*
 * Pairs what the existing twins prove; *progress is set if it found a pair, so that another run may find more.
 * HOTFIX_MEMORY.
 */
int hf_numbered_pair(struct hf_numbered *numbered, bool *progress, struct hotfix_error *err);

/*
 * When no run finds more: decides about the remaining variables. HOTFIX_UNPROVEN naming one that cannot be matched,
 * HOTFIX_MEMORY.
 */
int hf_numbered_settle(struct hf_numbered *numbered, struct hotfix_error *err);

static inline void hf_cleanup_numbered(struct hf_numbered **numbered)
{
    hf_numbered_destroy(*numbered);
}
#define HF_NUMBERED __attribute__((cleanup(hf_cleanup_numbered)))

#endif
