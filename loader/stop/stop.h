/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping every other thread of the process for the length of one action.
 *
 * A helper process that shares the address space (clone with CLONE_VM) seizes and interrupts the threads with ptrace.
 * It leaves nothing behind: no handler, thread, zombie or descriptor. The caller itself is not traced: it runs the
 * action. Where ptrace is refused, a signal handler parks the threads; it is there only for the length of the call.
 *
 * Threads that sleep are stopped first, in batches, and their stacks looked at, while those that run go on: a thread
 * that runs waits for the other running ones and for the action only. Few running ones are resumed before all others.
 *
 * What the program notices, with ptrace: nothing but the time. Interrupted system calls go on or are restarted by the
 * kernel; those that it ends with EINTR instead (epoll_wait, sigtimedwait, semop, io_getevents, receiving and accepting
 * under a time limit) are made to restart on x86-64, with the whole of their time-out; on arm64 they do end with EINTR,
 * since a tracer does not see what their first argument was. Not restarted: connect and send under SO_SNDTIMEO, msgrcv
 * and msgsnd of old kernels, io_uring_enter. With the signal: what signal(7) says of a handler with SA_RESTART: sleeps,
 * poll, select and epoll_wait end with EINTR. A child forked in that moment keeps the handler, which ignores the
 * signal.
 *
 * Not stopped, since not of this process: children of vfork and other processes that share its memory. While one of
 * vfork's has not yet called exec, the thread that made it cannot stop, so that nothing is switched under it.
 *
 * Under Yama's ptrace_scope 1 the helper is made the permitted tracer (PR_SET_PTRACER), which ends with it; an earlier
 * PR_SET_PTRACER of the program's own cannot be read and is lost.
 *
 * One call at a time in a process: callers hold a lock of their own.
 */
#ifndef HF_STOP_H
#define HF_STOP_H

#include "hotfix/error.h"
#include "stop/request.h"

/*
 * Stops, acts, resumes; releases the threads and tries again, until the deadline, while one is in the way. *pause (may
 * be NULL; also set on failure) is how long threads were stopped. HOTFIX_STOP when the
 * threads could not be stopped, HOTFIX_BUSY when one stayed in a range or could not stop until the deadline (named by
 * thread id and name), HOTFIX_MEMORY: the action did not run then. Needs 16 KiB of stack.
 */
int hf_stop_run(const struct hf_stop_request *request, struct hf_pause *pause, struct hotfix_error *err);

#endif
