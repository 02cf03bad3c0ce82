/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread of a process, stopped by ptrace in a system call, made to run functions of its process on a stack that the
 * caller provides, and restored.
 *
 * A function is entered as the kernel enters a signal handler: its return address is the C library's signal restorer,
 * and above it lies the saved context of the thread. The command stops the thread at the restorer and restores it. But
 * if the command is killed, the restorer restores the thread, which then makes its system call again.
 */
#ifndef HF_TRACEE_H
#define HF_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "enter/thread.h"
#include "hotfix/error.h"
#include "process/target.h"

/* Why a thread is not held. */
enum hf_held {
    HF_HELD,          /* it is */
    HF_HELD_REFUSED,  /* ptrace refuses: errno says why */
    HF_HELD_ELSEWHERE /* it has ended, has a signal to take, or is stopped by job control: another one may do */
};

/*
 * Stops a thread and saves its state. If `filtered` says that it has system call filters, they are suspended, which
 * needs CAP_SYS_ADMIN (errno EPERM). Waits for the thread until the deadline (hf_now_ns()).
 */
enum hf_held hf_tracee_hold(const struct hf_target *target, pid_t tid, bool filtered, uint64_t deadline,
                            struct hf_tracee *tracee);

/* Makes a system call. 0, and *result as the kernel returns it (-errno); HOTFIX_STOP, HOTFIX_NO_TARGET. */
int hf_tracee_syscall(struct hf_tracee *tracee, long number, const uint64_t arguments[6], int64_t *result,
                      struct hotfix_error *err);

/* What a function did. */
struct hf_tracee_call {
    uint64_t function;
    uint64_t arguments[3];
    long watched;        /* a system call whose last result is wanted, or -1 */
    int64_t result;      /* of the one watched */
    long failed;         /* the last system call that failed, -1: none */
    int64_t failed_with; /* -errno */
};

/*
 * Runs a function, with all signals blocked, until it returns. After the deadline, interrupts of this command end the
 * wait. HOTFIX_NO_TARGET when the process has ended; HOTFIX_INTERNAL when the function crashed: the thread can still be
 * restored; HOTFIX_BUSY when it has not returned: then the thread was released, and restores itself.
 */
int hf_tracee_run(struct hf_tracee *tracee, struct hf_tracee_call *call, uint64_t deadline, struct hotfix_error *err);

/* Restores the thread's state and releases it. A thread that was released or never held (zeroed) is fine. */
void hf_tracee_release(struct hf_tracee *tracee);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t hf_now_ns(void);

#endif
