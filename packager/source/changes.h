/* SPDX-License-Identifier: Apache-2.0 */
/* Which objects of a program or library a patch to its sources changes, from the journals of both builds. */
#ifndef HF_CHANGES_H
#define HF_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler/journal.h"
#include "hotfix/error.h"

/* A source whose object the patch changed. */
struct hf_change {
    const struct hf_compile *before; /* NULL when the patch brings the source */
    const struct hf_compile *after;  /* NULL when the patch takes the source away */
};

/* Two builds of one tree. All outlive what is found. */
struct hf_builds {
    const struct hf_journal *before;
    const struct hf_journal *after; /* of the build on top of the first, behind the patch */
    const char *tree;               /* where both were built */
    const char *tree_before;        /* a copy of the first one's state */
    const char *output;             /* the program's or library's name; a whole path where that is known */
    const char *const *outputs;     /* of all that are asked for, this one among them */
    size_t output_count;
};

/* Whether the compile's object went into one of the outputs in one of the builds. */
bool hf_changes_goes_in(const struct hf_builds *builds, const struct hf_compile *compile);

/* Whether the journal tells how the output was linked, and of each object in it how it was made. */
bool hf_changes_whole(const struct hf_journal *journal, const char *output);

/*
 * The objects that go into the output and come out different after the patch: those that the second build compiled
 * anew, and those that it should have. *changes is malloc'ed with free(), *count > 0. HOTFIX_USAGE when the build makes
 * no such output, or does not link what it compiles; HOTFIX_INCOMPATIBLE when nothing changes; HOTFIX_UNPROVEN when
 * something else than a compiler made what changed; HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_changes_find(const struct hf_builds *builds, struct hf_change **changes, size_t *count,
                    struct hotfix_error *err);

/*
 * The programs and libraries of the build, not asked for, into which something goes that the patch changes: *names is a
 * malloc'ed array of malloc'ed paths below the tree, in order, each once. HOTFIX_MEMORY.
 */
int hf_changes_elsewhere(const struct hf_builds *builds, char ***names, size_t *count, struct hotfix_error *err);

#endif
