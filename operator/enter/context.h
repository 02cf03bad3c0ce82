/* SPDX-License-Identifier: Apache-2.0 */
/* The context of a stopped thread as the kernel writes it for a signal handler. */
#ifndef HF_CONTEXT_H
#define HF_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "enter/thread.h"

/* The maximum size of a context in bytes, from a frame's address on. */
#define HF_CONTEXT_MAX (HF_XSTATE_MAX + 4096)

/*
 * Writes the return address, which is the restorer's, below tracee->frame, and the context from tracee->frame on. After
 * the restorer has run, an interrupted system call is made again. False when the process's memory is gone.
 */
bool hf_context_write(const struct hf_tracee *tracee);

/* Address of the C library's signal restorer in its code; 0 when it has no known one. */
uint64_t hf_context_restorer(const struct hf_target *target, uint64_t code_begin, uint64_t code_end);

/*
 * The offset of errno from the thread pointer, from the code of __errno_location(), which must be the code that
 * compilers make of it. False when it is different.
 */
bool hf_context_errno(const struct hf_target *target, uint64_t function, int64_t *offset);

#endif
