/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to stop (SIGINT, SIGTERM, SIGHUP) while child processes work for us: the children are stopped, and the code
 * that waits for them gets an error, so that it can clean up.
 */
#ifndef HF_INTERRUPT_H
#define HF_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* Catches these signals from now on, except those that are ignored. */
void hf_interrupt_catch(void);

/* The signal that came since, or 0. */
int hf_interrupt_signal(void);

/*
 * While a process is started and not registered yet, no signal may arrive: begin blocks the signals, and *before is the
 * mask that end restores and with which the new process begins. If the signals are not caught, nothing is done and
 * false is returned.
 */
bool hf_interrupt_begin(sigset_t *before);
void hf_interrupt_end(const sigset_t *before);

/* In a child that was forked: these signals end it again. */
void hf_interrupt_default(void);

/*
 * A process that leads a group of its own; a signal that we catch is sent to all of it. It stays registered until it
 * was waited for.
 */
void hf_interrupt_note(pid_t pid);
/* One that catches these signals itself, as this process does, and is never killed. */
void hf_interrupt_note_listening(pid_t pid);
void hf_interrupt_forget(pid_t pid);

/* Ends this process by the signal that came, if one did, as whoever started it expects. */
void hf_interrupt_finish(void);

#endif
