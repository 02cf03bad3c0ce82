/* SPDX-License-Identifier: Apache-2.0 */
#include "process/proc.h"

#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "error.h"
#include "process/raw.h"

#define TEXT_SIZE 64

int hf_proc_check(pid_t pid, pid_t tid, struct hotfix_error *err)
{
    char expected[TEXT_SIZE], text[TEXT_SIZE];
    struct statfs system;
    ssize_t length = readlink("/proc/thread-self", text, sizeof(text) - 1);

    if (hf_raw_translated())
        return hf_error(err, HOTFIX_STOP,
                        "the process runs under valgrind, which goes on to execute its own translation of code that is "
                        "replaced; apply where the program runs by itself");
    if (length < 0)
        return hf_error_sys(err, HOTFIX_STOP,
                            "cannot list the threads: /proc/thread-self is not readable; mount /proc");
    text[length] = '\0';
    snprintf(expected, sizeof(expected), "%d/task/%d", (int)pid, (int)tid);
    if (strcmp(text, expected) != 0)
        return hf_error(err, HOTFIX_STOP,
                        "cannot list the threads: /proc is of another PID namespace (it says %s, not %s); mount the "
                        "process's own",
                        text, expected);
    if (statfs("/proc", &system) != 0)
        return hf_error_sys(err, HOTFIX_STOP, "cannot look at /proc");
    if (system.f_type != PROC_SUPER_MAGIC)
        return hf_error(err, HOTFIX_STOP, "/proc is not the proc file system; mount it there");
    return 0;
}
