/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a build that is not trusted: in namespaces of its own (namespaces(7)), without a network, with every file
 * system read-only but for some directories, without devices, without capabilities and ways to get them, blind to all
 * other processes, and without the terminal and the open files of this one. It can still read what this user can read,
 * and use the machine.
 */
#ifndef HF_ISOLATE_H
#define HF_ISOLATE_H

#include <stddef.h>
#include <sys/types.h>

#include "compiler/process.h"
#include "hotfix/error.h"

struct hf_isolation {
    const char *const *writable; /* directories, by their whole paths */
    size_t writable_count;
    const char *temporary; /* one in these, for TMPDIR */
};

/*
 * Starts a process so; *pid is then to be waited for, and ends as the process does (with 128 plus the signal's number).
 * The caller must have one thread. HOTFIX_IO where the kernel, a container or a security module does not allow it.
 */
int hf_isolate_start(const struct hf_process *process, const struct hf_isolation *isolation, pid_t *pid,
                     struct hotfix_error *err);

#endif
