/* SPDX-License-Identifier: Apache-2.0 */
/* The saved state of a thread that is held, for restoring it. */
#ifndef HF_THREAD_H
#define HF_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "process/target.h"

#define HF_XSTATE_MAX (64u << 10) /* bytes of a thread's vector registers: AMX has 11 KiB */

struct hf_tracee {
    const struct hf_target *target;
    pid_t tid;
    struct user_regs_struct
        regs;        /* the original registers; changed so that the kernel restarts an interrupted system call */
    uint64_t mask;   /* signals that were blocked */
    uint8_t *xstate; /* owned */
    size_t xstate_size;
    uint64_t restorer; /* of the C library; its system call is HF_RESTORER_SYSCALL bytes behind */
    uint64_t frame; /* where the context of the thread is written to; functions' stack is below; 0: there is none yet */
    bool entering;  /* it is stopped before a system call, not behind one */
    bool filtered;  /* it has a filter of system calls, which is suspended while it is held */
    bool left;      /* this command no longer controls it */
    bool disturbed; /* the process was stopped meanwhile, so the kernel may no longer know when a sleep ends */
};

#define HF_RESTORER_SYSCALL 7

#endif
