/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that a stop interrupts: which of them the program cannot tell from ones that were not interrupted. */
#ifndef HF_RESTART_H
#define HF_RESTART_H

#include <stdbool.h>
#include <sys/user.h>

/*
 * True when a thread may be stopped in this system call: it sleeps in there for something to come, and the kernel
 * restarts it, or it can be made to, since it has had no effect by then.
 */
bool hf_restart_possible(unsigned long long number);

/* True for the waits of locks, condition variables and threads that end; they are told apart by who waits. */
bool hf_restart_is_wait(unsigned long long number);

/*
 * Makes of one that the stop ended with EINTR, which the kernel does with some calls, one that is restarted unless a
 * handler runs first: then it is EINTR after all, as it should be.
 */
void hf_restart_arrange(struct user_regs_struct *regs);

/* True when the kernel is to restart it. */
bool hf_restart_pending(const struct user_regs_struct *regs);

/*
 * Where the kernel would go on with a sleep for as long as was left, of which it knows nothing any more: makes it begin
 * once more.
 */
void hf_restart_whole(struct user_regs_struct *regs);

#endif
