/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping threads with ptrace, by a helper process that shares the address space. */
#ifndef HF_STOP_PTRACE_H
#define HF_STOP_PTRACE_H

#include <stdbool.h>

#include "stop/attempt.h"

/*
 * One attempt, from starting the helper to reaping it; blocks all signals of the calling thread meanwhile. With permit
 * the helper becomes this process's PR_SET_PTRACER. The attempt contains the outcome; in any case all threads run again
 * afterwards.
 */
void hf_stop_ptrace(struct hf_attempt *attempt, bool permit);

#endif
