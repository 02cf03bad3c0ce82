/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures of what the loader calls: system calls, allocations and libraries. The test program is linked with --wrap
 * for each function of fault.c, and its loader is compiled with HF_FAULTS, which hands the raw system calls over as
 * well (raw.h): those of the helper, and of threads that are stopped or stop others, too.
 */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include <stdbool.h>

enum fault_kind {
    FAULT_FAILURE,   /* the call does nothing and says so, as it does when something is used up, gone or forbidden */
    FAULT_INTERRUPT, /* a signal interrupted it: EINTR */
    FAULT_TIMEOUT,   /* an hour has passed when the clock is read */
    FAULT_KILL,      /* SIGKILL for the process that makes a raw system call, when that is the stopping helper */
    FAULT_EXIT       /* the process ends in place of a call that could fail, with FAULT_EXIT_STATUS */
};
#define FAULT_KINDS       5
#define FAULT_EXIT_STATUS 77

/* From now on the nth call (from 1) that can fail in this way does, once: of the calling thread, or any raw one. */
void fault_arm(enum fault_kind kind, unsigned long nth);
/* Nothing fails any more. The name of the call that did, NULL when there were fewer than nth. */
const char *fault_disarm(void);

/* Called before FAULT_EXIT ends the process. */
void fault_at_exit(void (*report)(void));

/* Blocks that the wrapped allocations of the calling thread gave out since it was last asked, less those freed. */
long fault_blocks(void);

/*
 * Debuggers are refused from now on, or not: the signal method must do without. It differs from the other in raw calls
 * alone, and only they fail then.
 */
void fault_refuse_ptrace(bool refused);

#endif
