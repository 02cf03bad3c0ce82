/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which functions are on the stacks of a running process now: a conservative search, in which every word of a stack
 * that points behind a function's first byte counts as a return address.
 *
 * A thread that sleeps in a system call is read while it sleeps. A thread that runs, or wakes up meanwhile, is stopped
 * with ptrace while its stack is copied; a system call that it has just begun may then end with EINTR, as signal(7)
 * says about stops. Stacks that a thread has left for another one (a handler's, a coroutine's) are not read, except for
 * the first thread's.
 */
#ifndef HF_LIVE_STACKS_H
#define HF_LIVE_STACKS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hotfix/error.h"
#include "live/live.h"

#define HF_LIVE_STACK_MAX (8u << 20) /* bytes that are searched, from its stack pointer, of another than the first */

/* A function's code in memory, and who is in it. */
struct hf_live_code {
    uint64_t begin;
    uint64_t end;
    size_t threads;               /* that have it on their stack, or run it */
    pid_t tid;                    /* the first of them */
    char name[HF_LIVE_NAME_SIZE]; /* its name */
};

/* Threads that could not be looked at. */
struct hf_live_unseen {
    size_t threads;
    pid_t tid;       /* the first of them */
    const char *why; /* about it; a static text */
    pid_t tracer;    /* who traces it already, 0: nobody */
};

/*
 * Searches the stacks of all threads; sets threads, tid and name of each code. *total is how many threads there were.
 * HOTFIX_IO when the process has ended; HOTFIX_MEMORY.
 */
int hf_live_stacks_search(const struct hf_live *live, struct hf_live_code *codes, size_t count, size_t *total,
                          struct hf_live_unseen *unseen, struct hotfix_error *err);

#endif
