/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conservative scan of the stopped threads' stacks: any word that points into a zone counts as a return address.
 *
 * A thread's stack is scanned from its stack pointer (and red zone) up to its thread control block, which the C library
 * puts above it, or to the end of the mapping. When the stack pointer is elsewhere (on an alternate signal stack or a
 * coroutine's), at most HF_FOREIGN_STACK_MAX bytes of that memory are scanned, and the thread's own stack, too: from
 * the lowest address of the own stack that was found in that memory (the interrupted stack pointer in the signal frame
 * is such an address), or completely.
 *
 * Registered stacks (parked.h) that contain no thread's stack pointer are scanned completely. A registered stack that
 * contains a stack pointer is scanned from there to its end, however large it is.
 */
#ifndef HF_STACKS_H
#define HF_STACKS_H

#include "stop/attempt.h"

#define HF_FOREIGN_STACK_MAX 1048576

/*
 * Before the stop, with a table of the existing threads: finds the memory in which stacks can be. This takes long if
 * there are many mappings; the result is used for the stacks of these threads as long as it is valid. 0, or -1 with the
 * attempt's outcome.
 */
int hf_stacks_prepare(struct hf_attempt *attempt);

/*
 * While some threads are stopped and others run: scans a stopped thread's stack if that is possible now, that is, if it
 * is on its own stack, in memory that was found before. 0, or -1 with the attempt's outcome. Not done if registers
 * count, too: a running thread could then move a pointer to a stack that has been scanned.
 */
int hf_stacks_scan_early(struct hf_attempt *attempt, struct hf_thread *thread);

/*
 * Scans the stacks of all other stopped threads and of the caller (whose entry's regs the attempt has). 0 when no word
 * points into a zone; else -1 with the attempt's outcome. May run while threads are stopped.
 */
int hf_stacks_scan(struct hf_attempt *attempt);

#endif
