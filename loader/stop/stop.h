/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping every other thread of the process for the length of one action.
 *
 * A helper process that shares the address space (clone with CLONE_VM) seizes and interrupts the threads with ptrace.
 * It leaves nothing behind: no handler, thread, zombie or descriptor. The caller itself is not traced: it runs the
 * action. Where ptrace is refused, a signal handler parks the threads; it is there only for the length of the call.
 *
 * Threads that sleep are stopped first, in batches, and their stacks are scanned, while running threads continue: so a
 * running thread waits only for the other running ones and for the action. If only a few threads run, they are resumed
 * before all others.
 *
 * With ptrace, the program notices only the delay. Interrupted system calls continue or are restarted by the kernel.
 * Calls that the kernel ends with EINTR instead (epoll_wait, sigtimedwait, semop, io_getevents, receiving and accepting
 * with a time limit) are made to restart on x86-64, with their full timeout; on arm64 they end with EINTR, since a
 * tracer cannot see their first argument. Not restarted: connect and send under SO_SNDTIMEO, msgrcv and msgsnd of old
 * kernels, io_uring_enter. With the signal, the program notices what signal(7) says about a handler with SA_RESTART:
 * sleeps, poll, select and epoll_wait end with EINTR. A child forked at that moment keeps the handler, which ignores
 * the signal.
 *
 * Children of vfork and other processes that share the memory are not stopped, since they are not threads of this
 * process. Until a child of vfork has called exec, the thread that made it cannot stop, so no function is switched
 * under the child.
 *
 * Under Yama's ptrace_scope 1 the helper becomes the permitted tracer (PR_SET_PTRACER) until it ends; an earlier
 * PR_SET_PTRACER of the program cannot be read and is lost.
 *
 * Only one call at a time is allowed in a process: callers hold their own lock.
 */
#ifndef HF_STOP_H
#define HF_STOP_H

#include "hotfix/error.h"
#include "stop/request.h"

/*
 * Stops the threads, runs the action, and resumes them. While a thread is in the way, it releases the threads and tries
 * again, until the deadline. *pause (may be NULL; also set on failure) is how long threads were stopped. HOTFIX_STOP
 * when the threads could not be stopped, HOTFIX_BUSY when one stayed in a range or could not stop until the deadline
 * (named by thread id and name), HOTFIX_MEMORY: the action did not run then. Needs 16 KiB of stack.
 */
int hf_stop_run(const struct hf_stop_request *request, struct hf_pause *pause, struct hotfix_error *err);

#endif
