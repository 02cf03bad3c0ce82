/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a thread that is held, to put it back. */
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
    struct user_regs_struct regs; /* as they were; what a system call was interrupted with is such that the kernel
                                     restarts it */
    uint64_t mask;                /* signals that were blocked */
    uint8_t *xstate;              /* owned */
    size_t xstate_size;
    uint64_t restorer; /* of the C library; its system call is HF_RESTORER_SYSCALL bytes behind */
    uint64_t frame; /* where the context of the thread is written to; functions' stack is below; 0: there is none yet */
    bool entering;  /* it is stopped before a system call, not behind one */
    bool filtered;  /* it has a filter of system calls, which is suspended while it is held */
    bool left;      /* it is this command's no more */
    bool disturbed; /* the process was stopped meanwhile, which may have made the kernel forget a sleep's end */
};

#define HF_RESTORER_SYSCALL 7

#endif
