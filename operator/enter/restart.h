/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that a stop interrupts: which of them continue as if they had not been interrupted. */
#ifndef HF_RESTART_H
#define HF_RESTART_H

#include <stdbool.h>
#include <sys/user.h>

/*
 * True when a thread may be stopped in this system call: it sleeps and waits for an event, has had no effect by then,
 * and the kernel restarts it or can be made to restart it.
 */
bool hf_restart_possible(unsigned long long number);

/* True for waits for locks, condition variables and ending threads; the waiting function distinguishes them. */
bool hf_restart_is_wait(unsigned long long number);

/*
 * Makes the kernel restart a system call that the stop ended with EINTR, unless a signal handler runs first: then EINTR
 * is the correct result.
 */
void hf_restart_arrange(struct user_regs_struct *regs);

/* True when the kernel is to restart it. */
bool hf_restart_pending(const struct user_regs_struct *regs);

/*
 * If the kernel would continue a sleep for its remaining time, but no longer knows that time: makes the sleep begin
 * again.
 */
void hf_restart_whole(struct user_regs_struct *regs);

#endif
