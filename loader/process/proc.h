/* SPDX-License-Identifier: Apache-2.0 */
/* The proc file system, through which the patch is loaded, threads are listed and code is written. */
#ifndef HF_PROC_H
#define HF_PROC_H

#include <sys/types.h>

#include "hotfix/error.h"

/*
 * 0 when /proc is that of this process's own PID namespace, told by its thread-self link for this thread. Under another
 * one's, /proc/PID is another process, whose threads would be stopped and whose files loaded. Under valgrind -1, too:
 * it ends a program that starts the helper, and sees no change of code. HOTFIX_STOP.
 */
int hf_proc_check(pid_t pid, pid_t tid, struct hotfix_error *err);

#endif
