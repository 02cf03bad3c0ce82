/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From old and new object files to a patch.so that shares the target's state.
 *
 * Pairs of objects are compared part by part; what changed or is new is kept, and with it what it needs that the target
 * does not have; every other reference is bound to the target's own copy. See docs/design.md.
 */
#ifndef HF_BUILD_H
#define HF_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "manifest.h"

struct hf_build_request {
    const char *target;      /* program or library that is to be patched */
    const char *debug;       /* separate file with its symbols; may be NULL */
    const char *before;      /* object or tree of the release, compiled with -ffunction-sections -fdata-sections */
    const char *after;       /* the same of the fixed source */
    const char *proof;       /* objects compiled with exactly the release's flags; NULL: those of `before` */
    const char *independent; /* new objects compiled with -fPIC in addition; may be NULL */
    const char *moved; /* directory of old objects whose lines have their new numbers, under the names of the others;
                          any may be missing; may be NULL */
    const char *library_path; /* where the target's libraries are; may be NULL */
    const char *output;       /* patch.so */
};

enum hf_build_event {
    HF_BUILD_CHANGED, /* function: replaced */
    HF_BUILD_NEW,     /* function or variable: the patch brings it */
    HF_BUILD_IGNORED, /* function: differs, but not in what it does */
    HF_BUILD_REMOVED, /* function or variable: the new objects do not have it; the target keeps it */
    HF_BUILD_WARNING  /* function: something about it deserves attention */
};

struct hf_build_item {
    enum hf_build_event event;
    char *name;
    char *object; /* path in the tree */
    char *why;    /* one sentence, "" when there is nothing to add */
};

enum hf_account_heading {
    HF_ACCOUNT_UNCHANGED, /* the target has it */
    HF_ACCOUNT_TAKEN,     /* goes into the patch */
    HF_ACCOUNT_UNUSED     /* differs, and nothing that runs uses it */
};

/* A section that is loaded with a program, of a new object. */
struct hf_build_account {
    char *object;
    char *section; /* "" for all sections of an object that did not change */
    char *name;    /* of what is in it; "" without */
    uint64_t size;
    enum hf_account_heading heading;
};

struct hf_build_result {
    struct hf_build_account *accounts;
    size_t account_count;
    struct hf_build_item *items;
    size_t count;
    struct hf_build_id target;
    size_t object_count;    /* pairs that were compared */
    size_t unchanged_count; /* functions that were compared and are equal */
    size_t proven_count;    /* functions of the changed objects that the target was shown to contain */
    size_t fixup_count;
};

/*
 * Builds. On failure nothing is written; *result holds what was found until then and is always to be freed.
 * HOTFIX_INCOMPATIBLE when the change cannot be a patch (the object and the reason are named); HOTFIX_UNPROVEN;
 * HOTFIX_USAGE, HOTFIX_IO, HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_build_run(const struct hf_build_request *request, struct hf_build_result *result, struct hotfix_error *err);
void hf_build_result_deinit(struct hf_build_result *result);

#endif
