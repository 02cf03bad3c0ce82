/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a source tree and a patch to the object files that `hotfix build` compares.
 *
 * The tree is copied and built as it is, its compilers found behind `hotfix cc`, which keeps a journal. The patch is
 * applied and the same command builds again. What the second journal holds and the first does not is what changed:
 * these sources alone are compiled once more, before and after the patch, with a section for each function and
 * variable.
 */
#ifndef HF_TREE_H
#define HF_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "hotfix/error.h"
#include "source/accept.h"
#include "source/reads.h"

enum hf_tree_phase { HF_TREE_COPY, HF_TREE_BUILD, HF_TREE_PATCH, HF_TREE_REBUILD, HF_TREE_COMPILE };

/* Tells how far the work is: `done` compiler runs of the phase so far. Called now and then. */
typedef void (*hf_tree_progress_fn)(enum hf_tree_phase phase, size_t done, void *arg);

struct hf_tree_request {
    const char *source;         /* directory of the sources; only read */
    const char *const *patches; /* patch files, applied in this order with -p1 */
    size_t patch_count;
    struct hf_accepted accepted;  /* what the patches may change besides sources */
    const char *make;             /* shell command that builds, run in the copy */
    const char *make_on;          /* command that goes on from what `make` left, for patches that only change sources
                                     that were there; NULL: `make` does */
    const char *make_name;        /* what messages call it; NULL: itself */
    bool isolate;                 /* the command runs without network and rights (isolate.h) */
    const char *const *targets;   /* the programs and libraries that are to be patched */
    size_t target_count;          /* > 0 */
    const char *built_as;         /* name, or path below the tree, that the build gives the first; NULL: its own name */
    bool shipped;                 /* they must be what the build makes (shipped.h), and go by any name there */
    struct hf_suspects *suspects; /* as of hf_shipped_find(); may be NULL without `shipped` */
    bool beside;                  /* an isolated build may write beside the tree, too */
    const char *at;               /* whole path that the target's own build had its tree at; NULL: it does not matter.
                                     hf_standin_enter(): this process stays there */
    const char *kept;             /* directory for the first build (kept.h); NULL: it is not kept */
    const char *key;              /* what kept builds must agree on */
    const char *work;             /* empty directory for everything that is written */
    hf_tree_progress_fn progress; /* may be NULL */
    void *progress_arg;
};

/*
 * Directories below `work` with one object a changed source of a target, under the same relative path in each: before
 * and after the patch with sections, before the patch with exactly the release's options, and after it with sections
 * and -fPIC. And before the patch with sections where lines that only moved have their new numbers (renumber.h):
 * objects may be missing there, and all of them where no line moved.
 */
struct hf_tree_objects {
    char *old_objects;
    char *new_objects;
    char *proof_objects;
    char *pic_objects;
    char *moved_objects;
    char *rebuilt; /* a copy of the build's own file, where that must be, and is, the target; else NULL */
    size_t count;  /* of changed objects; new ones included. 0: the patch changes another target alone */
};

struct hf_tree_result {
    struct hf_tree_objects *targets; /* as many as were asked for, in that order */
    size_t target_count;
    char **unread; /* files that the patch touches and that no compile of the targets read, below the tree */
    size_t unread_count;
    char **elsewhere; /* other outputs of the build that the patch changes; of a package those that it installs, by the
                         paths that it installs them under */
    size_t elsewhere_count;
    char **shifted; /* files that a patch applies to at other lines than it says */
    size_t shifted_count;
};

/*
 * The process stays in a mount namespace of its own where that is allowed, and root's files belong to nobody there if
 * it is not root (standin.h). HOTFIX_INCOMPATIBLE when the target must be what the build makes and is not; HOTFIX_IO
 * when a step cannot run or fails (the message names it and its log), HOTFIX_USAGE when the patch does not apply, or
 * the build makes no `output` or calls its compiler past `hotfix cc`; HOTFIX_INCOMPATIBLE when nothing of any target
 * changed; HOTFIX_UNPROVEN when the patch changes what has to be accepted.
 */
int hf_tree_build(const struct hf_tree_request *request, struct hf_tree_result *result, struct hotfix_error *err);
void hf_tree_result_deinit(struct hf_tree_result *result);

#endif
