/* SPDX-License-Identifier: Apache-2.0 */
#include "live/thread.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include "cleanup.h"

#define STOP_POLLS    2000 /* of one millisecond each, after which a thread counts as one that does not stop */
#define POLL_INTERVAL 1000000L

/* A file of /proc/PID/task/TID as text; false when it cannot be read. */
static bool read_file(const struct hf_live *live, pid_t tid, const char *name, char *text, size_t size)
{
    char path[64];

    snprintf(path, sizeof(path), "task/%d/%s", (int)tid, name);
    HF_CLOSE int fd = openat(live->directory, path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);
    if (got <= 0)
        return false;
    text[got] = '\0';
    return true;
}

bool hf_live_thread_read(const struct hf_live *live, pid_t tid, struct hf_live_thread *thread)
{
    char text[2048];
    int tracer = 0;

    *thread = (struct hf_live_thread){.tid = tid, .state = '?', .name = "?"};
    if (read_file(live, tid, "comm", thread->name, sizeof(thread->name)))
        thread->name[strcspn(thread->name, "\n")] = '\0';
    if (!read_file(live, tid, "status", text, sizeof(text)))
        return false;
    const char *state = strstr(text, "\nState:\t"), *by = strstr(text, "\nTracerPid:\t");
    if (state)
        thread->state = state[strlen("\nState:\t")];
    if (by && sscanf(by, " TracerPid: %d", &tracer) == 1)
        thread->tracer = tracer;
    return true;
}

/* "NUMBER ARGUMENT... SP PC", "-1 SP PC" for a sleep outside of system calls, "running". */
bool hf_live_thread_sleeps(const struct hf_live *live, struct hf_live_thread *thread)
{
    char text[256];
    uint64_t values[2] = {0};

    if (!read_file(live, thread->tid, "syscall", text, sizeof(text)))
        return false;
    char *pc = strrchr(text, ' ');
    if (!pc || pc == text)
        return false;
    *pc++ = '\0';
    char *sp = strrchr(text, ' ');
    if (!sp || sscanf(sp + 1, "%" SCNx64, &values[0]) != 1 || sscanf(pc, "%" SCNx64, &values[1]) != 1)
        return false;
    thread->sp = values[0];
    thread->pc = values[1];
    return true;
}

#if defined(__x86_64__)
static void take_registers(const struct user_regs_struct *registers, struct hf_live_thread *thread)
{
    thread->pc = registers->rip;
    thread->sp = registers->rsp;
}

bool hf_live_thread_has_link(void)
{
    return false;
}

uint64_t hf_live_return_address(uint64_t word)
{
    return word;
}
#elif defined(__aarch64__)
static void take_registers(const struct user_regs_struct *registers, struct hf_live_thread *thread)
{
    thread->pc = registers->pc;
    thread->sp = registers->sp;
    thread->link = registers->regs[30];
}

bool hf_live_thread_has_link(void)
{
    return true;
}

uint64_t hf_live_return_address(uint64_t word)
{
    return word & (UINT64_MAX >> 16); /* programs have 48 bits of address space, unless they ask for more */
}
#endif

/* Waits for the stop: ours, or one for a signal, which resuming then delivers. */
static int await_stop(struct hf_live_thread *thread)
{
    const struct timespec interval = {.tv_nsec = POLL_INTERVAL};
    int status;

    for (int i = 0; i < STOP_POLLS; i++) {
        pid_t got = waitpid(thread->tid, &status, __WALL | WNOHANG);
        if (got < 0)
            return -1;
        if (got == 0) {
            nanosleep(&interval, NULL);
            continue;
        }
        if (!WIFSTOPPED(status)) {
            errno = ESRCH;
            return -1;
        }
        thread->signal = status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status);
        return 0;
    }
    errno = ETIMEDOUT;
    return -1;
}

int hf_live_thread_stop(struct hf_live_thread *thread)
{
    struct user_regs_struct registers;
    struct iovec area = {&registers, sizeof(registers)};

    if (ptrace(PTRACE_SEIZE, thread->tid, NULL, NULL) != 0)
        return -1;
    /* One that is not stopped stays seized until this process ends, which lets go of it. */
    if (ptrace(PTRACE_INTERRUPT, thread->tid, NULL, NULL) != 0 || await_stop(thread) != 0)
        return -1;
    if (ptrace(PTRACE_GETREGSET, thread->tid, (void *)NT_PRSTATUS, &area) != 0) {
        int why = errno;
        hf_live_thread_resume(thread);
        errno = why;
        return -1;
    }
    take_registers(&registers, thread);
    return 0;
}

void hf_live_thread_resume(const struct hf_live_thread *thread)
{
    ptrace(PTRACE_DETACH, thread->tid, NULL, (void *)(intptr_t)thread->signal);
}
