/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping threads with ptrace, by a helper process that shares the address space. */
#ifndef HF_STOP_PTRACE_H
#define HF_STOP_PTRACE_H

#include <stdbool.h>

#include "stop/attempt.h"

/*
 * One attempt, from starting the helper to reaping it; blocks all signals of the calling thread meanwhile. With permit
 * the helper is made this process's PR_SET_PTRACER. The attempt holds the outcome; all threads run again, whatever it
 * is.
 */
void hf_stop_ptrace(struct hf_attempt *attempt, bool permit);

#endif
