/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping every other thread of the process for the length of one action.
 *
 * A helper process that shares the address space (clone with CLONE_VM) seizes and interrupts the threads with ptrace.
 * It leaves nothing behind: no handler, thread, zombie or descriptor. The caller itself is not traced: it runs the
 * action. Where ptrace is refused, a signal handler parks the threads; it is there only for the length of the call.
 *
 * What the program notices, with ptrace: nothing but the time. Interrupted system calls go on or are restarted by the
 * kernel; those that it ends with EINTR instead (epoll_wait, sigtimedwait, semop, io_getevents, receiving and accepting
 * under a time limit) are made to restart on x86-64, with the whole of their time-out; on arm64 they do end with EINTR,
 * since a tracer does not see what their first argument was. Not restarted: connect and send under SO_SNDTIMEO, msgrcv
 * and msgsnd of old kernels, io_uring_enter. With the signal: what signal(7) says of a handler with SA_RESTART: sleeps,
 * poll, select and epoll_wait end with EINTR. A child forked in that moment keeps the handler, which ignores the
 * signal.
 *
 * Not stopped, since not of this process: children of vfork and other processes that share its memory. While one of
 * vfork's has not yet called exec, the thread that made it cannot stop, so that nothing is switched under it.
 *
 * Under Yama's ptrace_scope 1 the helper is made the permitted tracer (PR_SET_PTRACER), which ends with it; an earlier
 * PR_SET_PTRACER of the program's own cannot be read and is lost.
 *
 * One call at a time in a process: callers hold a lock of their own.
 */
#ifndef HF_STOP_H
#define HF_STOP_H

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
    /* Something that was moved out of a function: at its first byte a thread is in the function already. */
    bool part;
    /* It is not taken out of use, but counts on what is: for messages. */
    bool caller;
};

/* A thread that was stopped: its stack lay between these. */
struct hf_stopped {
    uintptr_t sp; /* stack pointer */
    uintptr_t tp; /* thread pointer */
};

/* How threads are stopped. Tests choose; all others want HF_STOP_AUTO: ptrace, and the signal where it is refused. */
enum hf_stop_method { HF_STOP_AUTO, HF_STOP_PTRACE, HF_STOP_SIGNAL };

struct hf_stop_request {
    /*
     * Bytes that the action overwrites. No thread may be inside one when the action runs: a program counter behind a
     * range's first byte is moved out of it or waited for, and so is a return address on a stack.
     */
    const struct hf_range *ranges;
    size_t range_count;

    /*
     * Functions that no thread may be in, whole: neither a program counter nor a word on a stack may point behind a
     * function's first byte. At the first byte a thread has not begun the function, and a word is no return address.
     */
    const struct hf_busy *busy;
    size_t busy_count;

    /*
     * Where the calling thread's own stack is scanned from: its frames below are the caller's, and may hold any
     * address. NULL: from hf_stop_run()'s own frame.
     */
    const void *caller_frame;

    /*
     * Runs on the calling thread while every other one is stopped. May call raw system calls and the string functions
     * that the file stop.c lists; nothing that allocates, locks or binds lazily. Its return value becomes that of
     * hf_stop_run(), with err as it set it.
     */
    int (*action)(void *arg, struct hotfix_error *err);
    void *arg;

    /* Words in the general registers of the stopped threads count like words on their stacks. */
    bool registers;

    /* Called for each thread that was stopped, after it goes on; may be NULL. */
    void (*stopped)(void *arg, const struct hf_stopped *thread);

    uint64_t deadline_ns; /* longest time from the first stopped thread to the last resumed one; 0 means 100 ms */
    enum hf_stop_method method;
};

/*
 * Stops, acts, resumes; releases the threads and tries again, until the deadline, while one is in the way. *pause_ns
 * (may be NULL; also set on failure) is how long threads were stopped, all attempts together. HOTFIX_STOP when the
 * threads could not be stopped, HOTFIX_BUSY when one stayed in a range or could not stop until the deadline (named by
 * thread id and name), HOTFIX_MEMORY: the action did not run then. Needs 16 KiB of stack.
 */
int hf_stop_run(const struct hf_stop_request *request, uint64_t *pause_ns, struct hotfix_error *err);

#endif
