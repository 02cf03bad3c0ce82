/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be done while the threads are stopped, and where none of them may be then (stop.h). */
#ifndef HF_STOP_REQUEST_H
#define HF_STOP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"

struct hf_range {
    uintptr_t begin; /* first byte */
    uintptr_t end;   /* one past the last */
};

/* Code that no thread may be in, for quiescence. */
struct hf_busy {
    uintptr_t begin;  /* first byte */
    uintptr_t end;    /* one past the last */
    const char *name; /* for messages; may be NULL */
    /* A part that was moved out of a function: at its first byte a thread is already inside the function. */
    bool part;
    /* It is not taken out of use itself, but relies on code that is: for messages. */
    bool caller;
};

/* A thread that was stopped: its stack lay between these. */
struct hf_stopped {
    uintptr_t sp; /* stack pointer */
    uintptr_t tp; /* thread pointer */
};

/*
 * How long threads were stopped without a break, in nanoseconds: in the longest attempt, from the first thread stopped
 * to the last one resumed; and the same only for threads that were running when the attempt began, or that started
 * later (0 when there were none). For stops by signal both are the same.
 */
struct hf_pause {
    uint64_t any;
    uint64_t running;
};

/*
 * How threads are stopped. Only tests choose; all others use HF_STOP_AUTO: ptrace, and the signal if ptrace is refused.
 */
enum hf_stop_method { HF_STOP_AUTO, HF_STOP_PTRACE, HF_STOP_SIGNAL };

struct hf_stop_request {
    /*
     * Ranges of bytes that the action overwrites. No thread may be inside one when the action runs: the stop waits
     * until no program counter, and no return address on a stack, points behind the first byte of a range.
     */
    const struct hf_range *ranges;
    size_t range_count;

    /*
     * Functions that no thread may be inside: neither a program counter nor a word on a stack may point behind a
     * function's first byte. At the first byte, a thread has not begun the function, and a word is not a return
     * address.
     */
    const struct hf_busy *busy;
    size_t busy_count;

    /*
     * Where the scan of the calling thread's own stack begins: the frames below belong to this library, and may hold
     * any address. NULL: at hf_stop_run()'s own frame.
     */
    const void *caller_frame;

    /*
     * Runs on the calling thread while every other one is stopped. May call raw system calls and the string functions
     * that the file stop.c lists; nothing that allocates, locks or binds lazily. hf_stop_run() returns its return
     * value, with err as the action has set it.
     */
    int (*action)(void *arg, struct hotfix_error *err);
    void *arg;

    /* Words in the general registers of the stopped threads count like words on their stacks. */
    bool registers;

    /* Called for each thread that was stopped, after it was resumed; may be NULL. */
    void (*stopped)(void *arg, const struct hf_stopped *thread);

    uint64_t deadline_ns; /* longest time from the first stopped thread to the last resumed one; 0 means 100 ms */
    enum hf_stop_method method;
};

#endif
