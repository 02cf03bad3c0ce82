/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the starts of programs with enabled bundles, by which a bundle is put into quarantine after two crashes in
 * a row. A record is a file in /dev/shm, for one bundle, one program (its build-id) and one user, and only that user
 * can write it: so nobody can turn off a fix for the processes of somebody else. It is mapped, so that a program that
 * ends can note this without any system call: whatever became of its user, root directory and permitted calls.
 *
 * When the next process of the program starts, the one before it crashed if it ended within HF_STARTS_SECONDS of its
 * start without exit() or a return from main, or at any time while the bundle was being applied. Memory alone holds the
 * files: a boot forgets them.
 */
#ifndef HF_STARTS_H
#define HF_STARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bundleid.h"
#include "hotfix/error.h"

#define HF_STARTS_DIRECTORY "/dev/shm"
#define HF_STARTS_MAGIC     "hfstart" /* with its NUL */

/* A record. The last four are written by its processes while they live. */
struct hf_start_record {
    char magic[8];
    uint32_t crashes; /* in a row */
    int32_t pid;      /* of the last start */
    uint64_t ticks;   /* when that process began, as the kernel counts it: its number may have another owner now */
    uint64_t space;   /* its PID namespace */
    uint64_t began;   /* CLOCK_BOOTTIME, in nanoseconds */
    uint32_t well;    /* 1: it ended as a program ends */
    uint32_t forks;   /* by it and its children, each of whom has a number thereby */
    int32_t youngest; /* of these */
    uint32_t applied; /* 1: it came behind the apply; before that it has no time in which it may end */
};

/*
 * A process that replaces itself by exec does not crash either, but its memory is gone. So the file HF_STARTS_EXEC
 * (process, user) has the names of its records, HF_STARTS_NAME bytes each, and the agent in the program that comes
 * next writes into them that all went well.
 */
#define HF_STARTS_EXEC "hotfix-exec.%d.%u"
#define HF_STARTS_NAME 128

#define HF_STARTS_CRASHES 2  /* in a row, then the bundle is in quarantine */
#define HF_STARTS_SECONDS 10 /* a process that lived so long did not crash by the bundle */
#define HF_STARTS_PROGRAM 17 /* 16 digits of the program's build-id, and NUL */

/*
 * In a process that is to apply the bundle: true when it is in quarantine for it, which changes nothing. Else the start
 * is recorded, if `count` says so and it can be, and the bundle is to be applied.
 */
bool hf_starts_begin(const char *id, const char *program, bool count);
/* It was applied. */
void hf_starts_applied(void);
/* The bundle of the last hf_starts_begin() was not applied: this start says nothing about it. */
void hf_starts_cancel(void);

/* Whether processes of this program and user may not have the bundle any more. */
struct hf_quarantine {
    uid_t user;
    char program[HF_STARTS_PROGRAM];
};

/* The quarantines of a bundle, malloc'ed; NULL when *count is 0. HOTFIX_MEMORY. */
int hf_starts_quarantines(const char *id, struct hf_quarantine **list, size_t *count, struct hotfix_error *err);

/* Removes the records of a bundle, as far as this user may. */
void hf_starts_forget(const char *id);

#endif
