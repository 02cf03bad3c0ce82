/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping every other thread of the process for the length of one action.
 *
 * A helper process that shares the address space (clone with CLONE_VM) seizes and interrupts the threads with ptrace.
 * It leaves nothing behind: no handler, thread, zombie or descriptor. The caller itself is not traced: it runs the
 * action.
 */
#ifndef HF_STOP_H
#define HF_STOP_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"

struct hf_range {
    uintptr_t begin; /* first byte */
    uintptr_t end;   /* one past the last */
};

struct hf_stop_request {
    /*
     * Bytes that the action overwrites. No thread may be inside one when the action runs: a program counter behind a
     * range's first byte is stepped out of it or waited for, and so is a return address on a stack.
     */
    const struct hf_range *ranges;
    size_t range_count;

    /*
     * Runs on the calling thread while every other one is stopped. May call raw system calls and the string functions
     * that the file stop.c lists; nothing that allocates, locks or binds lazily. Its return value becomes that of
     * hf_stop_run(), with err as it set it.
     */
    int (*action)(void *arg, struct hotfix_error *err);
    void *arg;

    uint64_t deadline_ns; /* longest time from the first stopped thread to the last resumed one; 0 means 100 ms */
};

/*
 * Stops, acts, resumes. *pause_ns (may be NULL) is how long threads were stopped. HOTFIX_STOP when the threads could
 * not be stopped, HOTFIX_BUSY when one stayed inside a range until the deadline (named by thread id and name): the
 * action did not run then.
 */
int hf_stop_run(const struct hf_stop_request *request, uint64_t *pause_ns, struct hotfix_error *err);

#endif
