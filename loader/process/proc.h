/* SPDX-License-Identifier: Apache-2.0 */
/* The proc file system, through which the patch is loaded, threads are listed and code is written. */
#ifndef HF_PROC_H
#define HF_PROC_H

#include <sys/types.h>

#include "hotfix/error.h"

/*
 * 0 when /proc belongs to this process's own PID namespace, which its thread-self link shows. With the /proc of another
 * namespace, /proc/PID would be another process: its threads would be stopped and its files loaded. Also -1 under
 * valgrind, which ends a program that starts the helper, and does not notice changes of code. HOTFIX_STOP.
 */
int hf_proc_check(pid_t pid, pid_t tid, struct hotfix_error *err);

#endif
