/* SPDX-License-Identifier: Apache-2.0 */
/* What a build is asked for. */
#ifndef HF_REQUEST_H
#define HF_REQUEST_H

#include <stddef.h>

#include "hotfix/error.h"

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
    const char *host;         /* program that loads the target, where that is a module; may be NULL */
    const char *output;       /* patch.so */
    /* Looks at the finished patch, before it is written to `output`; -1 when it is not to be. NULL: nobody does. */
    int (*judge)(const char *patch, void *arg, struct hotfix_error *err);
    void *judge_arg;
    const char **on; /* bundles whose fixes the new objects have, too, and over which the patch is to lie */
    size_t on_count;
};

#endif
