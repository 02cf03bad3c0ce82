/* SPDX-License-Identifier: Apache-2.0 */
/* The result of a build: reported functions and variables, and the account of every loaded byte of the new objects. */
#ifndef HF_BUILD_RESULT_H
#define HF_BUILD_RESULT_H

#include <stddef.h>
#include <stdint.h>

#include "manifest.h"

enum hf_build_event {
    HF_BUILD_CHANGED, /* function: replaced */
    HF_BUILD_NEW,     /* function or variable: the patch brings it */
    HF_BUILD_IGNORED, /* function: differs, but not in what it does */
    HF_BUILD_REMOVED, /* function or variable: the new objects do not have it; the target keeps it */
    HF_BUILD_WARNING  /* function: the user should look at it */
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
    HF_ACCOUNT_UNUSED     /* differs, and no code that runs uses it */
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

/* A zeroed one is fine. */
void hf_build_result_deinit(struct hf_build_result *result);

#endif
