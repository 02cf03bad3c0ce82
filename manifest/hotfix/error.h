/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error object of hotfix, shared by the loader's public API, the packager and all that lies below them.
 * Installed beside hotfix.h, which includes it: programs need only <hotfix.h>.
 */
#ifndef HOTFIX_ERROR_H
#define HOTFIX_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What went wrong. Values are part of the ABI: they are never renumbered, new ones go at the end.
 * The command's exit status follows from the code alone (see hotfix(1), EXIT STATUS).
 */
enum hotfix_code {
    HOTFIX_OK = 0,            /* success */
    HOTFIX_INCOMPATIBLE = 1,  /* patch and target were compared and do not fit */
    HOTFIX_USAGE = 2,         /* the caller's arguments are wrong */
    HOTFIX_UNPROVEN = 3,      /* patch and target might fit, but nothing proves it */
    HOTFIX_SIGNATURE = 4,     /* no signature by a trusted key over exactly these bytes */
    HOTFIX_TRUST = 5,         /* no usable trust store, or an unsafe key file */
    HOTFIX_EXPIRED = 6,       /* the bundle's expiry date has passed */
    HOTFIX_REVOKED = 7,       /* the key or the bundle was revoked */
    HOTFIX_IO = 8,            /* a file could not be read or written; sys_errno says why */
    HOTFIX_FORMAT = 9,        /* the input was read and is malformed */
    HOTFIX_NO_TARGET = 10,    /* no module with the bundle's target build-id is loaded */
    HOTFIX_CODE_DIFFERS = 11, /* the module is loaded, but its code bytes are not what the manifest says */
    HOTFIX_APPLIED = 12,      /* a bundle with this id has been applied already */
    HOTFIX_NOT_APPLIED = 13,  /* no bundle with this id is applied */
    HOTFIX_STAGE = 14,        /* the patch could not be loaded or placed near its target */
    HOTFIX_STOP = 15,         /* the threads could not be stopped */
    HOTFIX_BUSY = 16,         /* a thread was in the way until the deadline */
    HOTFIX_SWITCH = 17,       /* writing the code failed; everything was restored */
    HOTFIX_PATCHER = 18,      /* a custom patcher reported failure */
    HOTFIX_MEMORY = 19,       /* out of memory */
    HOTFIX_INTERNAL = 20,     /* a defect in hotfix itself */
    HOTFIX_REPLAYED = 21,     /* older than a bundle applied before, or its number is too high: see hotfix-trust(5) */
    HOTFIX_TORN = 22,         /* writing the code failed, and not all of it could be restored: end the process */
    HOTFIX_NEVER = 23         /* the patch fits, but would have no effect in a running process */
};

#define HOTFIX_MESSAGE_SIZE 512

/*
 * Owned by the caller, of fixed size, so that reporting a failure allocates nothing. Functions that take one write it
 * on failure only, and accept NULL. The message is one sentence without a final full stop, NUL-terminated, cut to fit.
 */
struct hotfix_error {
    enum hotfix_code code;
    int sys_errno; /* errno of the failed system call, or 0 */
    char message[HOTFIX_MESSAGE_SIZE];
};

#ifdef __cplusplus
}
#endif
#endif
