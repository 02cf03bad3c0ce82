/* SPDX-License-Identifier: Apache-2.0 */
/* The context of a stopped thread as the kernel writes it for a signal handler. */
#ifndef HF_CONTEXT_H
#define HF_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "enter/thread.h"

/* Bytes from a frame's address on that a context takes at most. */
#define HF_CONTEXT_MAX (HF_XSTATE_MAX + 4096)

/*
 * Writes the return address, which is the restorer, below tracee->frame, and the context from there on. A system call
 * that was interrupted is made again from there. False when the process's memory is gone.
 */
bool hf_context_write(const struct hf_tracee *tracee);

/* Address of the C library's restorer in its code; 0 when it has none that is known. */
uint64_t hf_context_restorer(const struct hf_target *target, uint64_t code_begin, uint64_t code_end);

/*
 * Where errno is from a thread's pointer on, as __errno_location() has it: that is to be the function that compilers
 * make of it. False when it is another.
 */
bool hf_context_errno(const struct hf_target *target, uint64_t function, int64_t *offset);

#endif
