/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a process fixed by a bundle? The code in its memory answers, not what somebody wrote down: so it does not matter
 * who applied the bundle, this command, the program itself or a parent that was forked. No thread is stopped.
 */
#ifndef HF_FIXED_H
#define HF_FIXED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bundle.h"
#include "hotfix/error.h"
#include "process/target.h"

enum hf_fixed_state {
    HF_FIXED,             /* each function that the bundle replaces goes on in its replacement */
    HF_FIXED_VULNERABLE,  /* each is the old one */
    HF_FIXED_PARTLY,      /* some are */
    HF_FIXED_PATCHED,     /* some go on in another bundle's patch: whether that has the fix, its own status tells */
    HF_FIXED_CHANGED,     /* the code is neither the old nor the new one */
    HF_FIXED_OTHER_BUILD, /* it runs a file of the target's name that is another build */
    HF_FIXED_NONE,        /* it does not run what the bundle is for */
    HF_FIXED_STATES       /* how many there are */
};

/* "fixed", "vulnerable", "partly", "patched", "changed", "other-build", "none". */
const char *hf_fixed_name(enum hf_fixed_state state);

struct hf_fixed {
    enum hf_fixed_state state;
    char name[HF_TARGET_NAME_SIZE];      /* the process's */
    size_t copies;                       /* of the target: namespaces of dlmopen() have their own */
    size_t functions;                    /* in all copies */
    size_t replaced;                     /* of them */
    size_t unread;                       /* whose file is gone, so that not all bytes were compared */
    char function[128];                  /* of HF_FIXED_CHANGED: which one */
    char other[2 * HF_BUILD_ID_MAX + 1]; /* the other build, or the id of the other bundle */
    bool enterable;                      /* else why says what is against it */
    char why[HOTFIX_MESSAGE_SIZE];
};

/*
 * Reads it. verify: compares every byte, too. HOTFIX_NO_TARGET when the process has ended, HOTFIX_STOP when it may not
 * be looked at, HOTFIX_MEMORY.
 */
int hf_fixed_read(pid_t pid, const struct hf_bundle *bundle, bool verify, struct hf_fixed *fixed,
                  struct hotfix_error *err);

#endif
