/* SPDX-License-Identifier: Apache-2.0 */
/* Running other programs: compilers, make, patch. */
#ifndef HF_PROCESS_H
#define HF_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

#include "hotfix/error.h"

struct hf_process {
    const char *const *argv;  /* NULL-terminated; argv[0] is looked up in PATH */
    const char *directory;    /* where it runs; NULL: here */
    const char *log;          /* file that its output is appended to; NULL: ours */
    char *const *environment; /* NULL: ours */
};

/* Starts it; *pid is then to be waited for with hf_process_wait(). HOTFIX_IO naming the program. */
int hf_process_start(const struct hf_process *process, pid_t *pid, struct hotfix_error *err);

/*
 * Waits until it has ended. If we get a signal to stop, it is forwarded to the process (interrupt.h). HOTFIX_INTERNAL.
 */
int hf_process_wait(pid_t pid, const char *name, int *status, struct hotfix_error *err);

/* Starts it and waits. HOTFIX_IO when it cannot run or does not exit with 0: the message says how it ended and names
 * the log. */
int hf_process_run(const struct hf_process *process, struct hotfix_error *err);

/* The error for a wait status other than success; 0 for success. */
int hf_process_check(const struct hf_process *process, int status, struct hotfix_error *err);

/*
 * Runs argv[0] with our own standard streams and waits. Its exit status, or 128 plus the number of the signal that
 * ended it, as a shell says it; 127 when it could not be run.
 */
int hf_process_status(const char *const *argv);

#endif
