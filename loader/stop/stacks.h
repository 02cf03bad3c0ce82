/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conservative scan of the stopped threads' stacks: any word that points into a zone counts as a return address.
 *
 * A thread's stack is scanned from its stack pointer (and red zone) up to its thread control block, which the C library
 * puts above it, or to the end of the mapping. When the stack pointer is elsewhere (an alternate signal stack, a
 * coroutine's), that memory is scanned for at most HF_FOREIGN_STACK_MAX bytes, and the thread's own stack as well: from
 * the lowest address in it that was found there, which the interrupted stack pointer in the signal frame is at least,
 * or whole.
 *
 * Registered stacks (parked.h) that no stopped thread's stack pointer is in are scanned whole. One that a stack pointer
 * is in is scanned from there to its end, however large it is.
 */
#ifndef HF_STACKS_H
#define HF_STACKS_H

#include "stop/attempt.h"

#define HF_FOREIGN_STACK_MAX 1048576

/*
 * Before the stop, with a table that holds the threads there are: finds the memory that stacks can be in. That takes
 * long where there are many mappings; what it found is used for the stacks of these threads as long as it fits.
 * 0, or -1 with the attempt's outcome.
 */
int hf_stacks_prepare(struct hf_attempt *attempt);

/*
 * While some threads are stopped and others run: scans a stopped thread's stack where that can be done now, which is
 * on its own stack, in memory that was found before. 0, or -1 with the attempt's outcome. Not done where registers
 * count too: whoever runs could then hand a pointer on to a stack that has been looked at.
 */
int hf_stacks_scan_early(struct hf_attempt *attempt, struct hf_thread *thread);

/*
 * Scans the stacks of all other stopped threads and of the caller (whose entry's regs the attempt has). 0 when no word
 * points into a zone; else -1 with the attempt's outcome. May run while threads are stopped.
 */
int hf_stacks_scan(struct hf_attempt *attempt);

#endif
