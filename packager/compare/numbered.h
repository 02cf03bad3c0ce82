/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which function or static variable of the old object is which of the new one, where compilers made the names up:
 * "count.1" and "total.constprop.0" of gcc, "parse.count.1" and "stats.0" of clang. The numbers say nothing: they are
 * given anew in each build.
 *
 * A static variable is state, so a guess is not good enough. Two are the same when one of these shows it:
 * - A function, or a variable's initial value, that is the same on both sides refers to them in the same place.
 * - Debug information says that they are declared in the same function, as the same name, with the same type, both in
 *   a block or both not, with the same initial value, and no other on either side is. Where the compiler left out some
 * of a name, it is the same ones, in front of it and behind it, on both sides.
 * - Of several in one function, no block came, went or was moved (blocks.h).
 * - Its function has another name and is the same code otherwise, and no other function may be that one.
 * - It is the only one of its name and type that is left, and moved to a function that is new and that its old function
 *   calls.
 *
 * A clone of a function is the same when it is the same code, or when an unchanged caller shows it. Others get no twin:
 * then their callers differ, come into the patch, and bring the new clone along.
 */
#ifndef HF_NUMBERED_H
#define HF_NUMBERED_H

#include "compare/roster.h"

struct hf_numbered;

/* For two objects, whose names these are. All outlive it. HOTFIX_FORMAT, HOTFIX_MEMORY. */
int hf_numbered_create(const struct hf_roster *before, const struct hf_roster *after, struct hf_numbered **numbered,
                       struct hotfix_error *err);
void hf_numbered_destroy(struct hf_numbered *numbered);

/* Pairs what the twins so far prove; *progress is set when it found any, and more may follow. HOTFIX_MEMORY. */
int hf_numbered_pair(struct hf_numbered *numbered, bool *progress, struct hotfix_error *err);

/* When nothing more follows: settles the variables that are left. HOTFIX_UNPROVEN naming one that cannot be told apart
 * from others, HOTFIX_MEMORY. */
int hf_numbered_settle(struct hf_numbered *numbered, struct hotfix_error *err);

static inline void hf_cleanup_numbered(struct hf_numbered **numbered)
{
    hf_numbered_destroy(*numbered);
}
#define HF_NUMBERED __attribute__((cleanup(hf_cleanup_numbered)))

#endif
