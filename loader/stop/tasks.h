/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads of a process as /proc lists them, read with raw system calls alone: works while threads are stopped, and
 * in a helper that shares the address space.
 */
#ifndef HF_TASKS_H
#define HF_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HF_TASK_NAME_SIZE 16 /* the kernel's TASK_COMM_LEN */

/* One listing under way. `buffer` is the caller's, since helpers have small stacks; 8-aligned. */
struct hf_tasks {
    int fd;
    char *buffer;
    size_t size;
    size_t fill;
    size_t next;
    size_t listed;
};

/* Opens /proc/<pid>/task. 0, or -errno. */
long hf_tasks_open(struct hf_tasks *tasks, pid_t pid, char *buffer, size_t size);
void hf_tasks_close(struct hf_tasks *tasks);

/* Back to the first thread. */
void hf_tasks_rewind(struct hf_tasks *tasks);

/* The next thread id, 0 after the last one, or -errno. */
long hf_tasks_next(struct hf_tasks *tasks);

/* How many threads there are, without listing them; 0 when that is not known. */
size_t hf_tasks_count(const struct hf_tasks *tasks);

/*
 * After the last thread: was the listing complete? The kernel ends a listing early if the thread at the current
 * position exits.
 */
bool hf_tasks_complete(const struct hf_tasks *tasks);

enum hf_task_state {
    HF_TASK_GONE,            /* has exited: no such thread, or a zombie */
    HF_TASK_KERNEL,          /* a worker of the kernel (io_uring) that never runs user code */
    HF_TASK_UNINTERRUPTIBLE, /* in vfork, or in uninterruptible sleep */
    HF_TASK_OTHER
};

/* The state of a thread, from its stat file. */
enum hf_task_state hf_task_state(pid_t pid, pid_t tid);

/* Does the thread run, or wait only for a processor? */
bool hf_task_running(pid_t pid, pid_t tid);

/* The thread's signal mask: bit n - 1 is signal n. false when it cannot be read. */
bool hf_task_blocked(pid_t pid, pid_t tid, uint64_t *blocked);

/* The thread's name, NUL-terminated; "?" when it cannot be read. */
void hf_task_name(pid_t pid, pid_t tid, char name[HF_TASK_NAME_SIZE]);

#endif
