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
    const char *moved;       /* directory of old objects compiled with the new line numbers, under the same names as the
                                others; any may be missing; may be NULL */
    const char *library_path; /* where the target's libraries are; may be NULL */
    const char *host;         /* program that loads the target, where that is a module; may be NULL */
    const char *output;       /* patch.so */
    /* Checks the finished patch before it is written to `output`; -1 refuses it. NULL: no check. */
    int (*judge)(const char *patch, void *arg, struct hotfix_error *err);
    void *judge_arg;
    const char *
        *on; /* bundles whose fixes the new objects contain, too, and on top of which the patch is to be applied */
    size_t on_count;
};

#endif
