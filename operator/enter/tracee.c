/* SPDX-License-Identifier: Apache-2.0 */
#include "enter/tracee.h"

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "enter/context.h"
#include "enter/restart.h"
#include "error.h"

#define NS_PER_S     UINT64_C(1000000000)
#define LOOKS        200              /* for a stopped thread before sleeping between them */
#define SLEEP_NS     UINT64_C(50000)  /* between two looks */
#define SYSCALL_STOP (SIGTRAP | 0x80) /* PTRACE_O_TRACESYSGOOD */
#define BIT(signal)  (UINT64_C(1) << ((signal)-1))
/*
 * All, but those of crashes: were they blocked, the kernel would take the program's handlers for them away to deliver
 * one.
 */
#define BLOCKED       (~(BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGFPE) | BIT(SIGTRAP) | BIT(SIGSYS)))
#define STRAGGLERS    64
#define EVENT(status) ((status) >> 16)

#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif

uint64_t hf_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static long trace(int request, const struct hf_tracee *tracee, uint64_t address, uint64_t data)
{
    return ptrace((enum __ptrace_request)request, tracee->tid, (void *)address, (void *)data);
}

/* Waits for a stop. 1: *status says which; 0: none until the deadline; -1: the thread has ended. */
static int await(const struct hf_tracee *tracee, uint64_t deadline, int *status)
{
    for (unsigned int look = 0;; look++) {
        pid_t got = waitpid(tracee->tid, status, __WALL | WNOHANG);
        if (got == tracee->tid)
            return WIFSTOPPED(*status) ? 1 : -1;
        if (got < 0 && errno != EINTR)
            return -1;
        if (look > LOOKS) {
            if (hf_now_ns() > deadline)
                return 0;
            nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
        } else {
            sched_yield();
        }
    }
}

/* Threads that did not stop in time: they are let go when they do, at the latest when this command ends. */
static pid_t stragglers[STRAGGLERS];

static void leave_behind(struct hf_tracee *tracee)
{
    size_t i = 0;

    while (i < STRAGGLERS - 1 && stragglers[i] != 0)
        i++;
    stragglers[i] = tracee->tid;
    tracee->left = true;
}

static void settle_stragglers(void)
{
    int status;

    for (size_t i = 0; i < STRAGGLERS; i++) {
        if (stragglers[i] == 0 || waitpid(stragglers[i], &status, __WALL | WNOHANG) == 0)
            continue;
        if (WIFSTOPPED(status)) {
            bool signal = EVENT(status) == 0 && WSTOPSIG(status) != SYSCALL_STOP;
            ptrace(PTRACE_DETACH, stragglers[i], NULL, (void *)(uintptr_t)(signal ? WSTOPSIG(status) : 0));
        }
        stragglers[i] = 0;
    }
}

static bool get_regs(const struct hf_tracee *tracee, struct user_regs_struct *regs)
{
    struct iovec area = {regs, sizeof(*regs)};

    return trace(PTRACE_GETREGSET, tracee, NT_PRSTATUS, (uint64_t)&area) == 0 && area.iov_len == sizeof(*regs);
}

static bool set_regs(const struct hf_tracee *tracee, const struct user_regs_struct *regs)
{
    struct iovec area = {(void *)regs, sizeof(*regs)};

    return trace(PTRACE_SETREGSET, tracee, NT_PRSTATUS, (uint64_t)&area) == 0;
}

static bool set_mask(const struct hf_tracee *tracee, uint64_t mask)
{
    return trace(PTRACE_SETSIGMASK, tracee, sizeof(mask), (uint64_t)&mask) == 0;
}

/* What is put back later. */
static bool keep(struct hf_tracee *tracee)
{
    tracee->xstate = malloc(HF_XSTATE_MAX);
    struct iovec area = {tracee->xstate, HF_XSTATE_MAX};

    if (!tracee->xstate || !get_regs(tracee, &tracee->regs) ||
        trace(PTRACE_GETREGSET, tracee, NT_X86_XSTATE, (uint64_t)&area) != 0 ||
        trace(PTRACE_GETSIGMASK, tracee, sizeof(tracee->mask), (uint64_t)&tracee->mask) != 0)
        return false;
    tracee->xstate_size = area.iov_len;
    hf_restart_arrange(&tracee->regs);
    return true;
}

static void detach(struct hf_tracee *tracee, int signal)
{
    trace(PTRACE_DETACH, tracee, 0, (uint64_t)signal);
    tracee->left = true;
}

enum hf_held hf_tracee_hold(const struct hf_target *target, pid_t tid, bool filtered, uint64_t deadline,
                            struct hf_tracee *tracee)
{
    int status;

    settle_stragglers();
    *tracee = (struct hf_tracee){.target = target, .tid = tid, .filtered = filtered, .left = true};
    if (trace(PTRACE_SEIZE, tracee, 0, PTRACE_O_TRACESYSGOOD | (filtered ? PTRACE_O_SUSPEND_SECCOMP : 0)) != 0)
        return errno == ESRCH ? HF_HELD_ELSEWHERE : HF_HELD_REFUSED;
    tracee->left = false;
    if (trace(PTRACE_INTERRUPT, tracee, 0, 0) != 0 || await(tracee, deadline, &status) != 1) {
        leave_behind(tracee);
        return HF_HELD_ELSEWHERE;
    }
    /* A signal is delivered when the thread is let go; a process that job control has stopped stays so. */
    bool ours = EVENT(status) == PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGTRAP;
    if (!ours || !keep(tracee) || !set_mask(tracee, BLOCKED)) {
        detach(tracee, EVENT(status) == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status));
        free(tracee->xstate);
        tracee->xstate = NULL;
        return HF_HELD_ELSEWHERE;
    }
    return HF_HELD;
}

static int gone(struct hf_tracee *tracee, struct hotfix_error *err)
{
    tracee->left = true;
    return hf_error(err, HOTFIX_NO_TARGET, "process %d, or its thread %d that was used, has ended meanwhile",
                    (int)tracee->target->pid, (int)tracee->tid);
}

enum stop { STOP_SYSCALL, STOP_CRASH, STOP_GONE, STOP_LATE };

/* Lets it run until the next system call, its end or its return. */
static enum stop next(struct hf_tracee *tracee, uint64_t deadline)
{
    int request = PTRACE_SYSCALL, signal = 0, status;

    for (;;) {
        if (trace(request, tracee, 0, (uint64_t)signal) != 0)
            return STOP_GONE;
        int stopped = await(tracee, deadline, &status);
        if (stopped <= 0)
            return stopped < 0 ? STOP_GONE : STOP_LATE;
        request = PTRACE_SYSCALL;
        signal = 0;
        if (WSTOPSIG(status) == SYSCALL_STOP) {
            tracee->entering = !tracee->entering;
            return STOP_SYSCALL;
        }
        if (EVENT(status) == PTRACE_EVENT_STOP) {
            /* Stopped by job control with the others, it could wait for one of them: so it stays stopped, too. */
            tracee->disturbed = true;
            request = WSTOPSIG(status) == SIGTRAP ? PTRACE_SYSCALL : PTRACE_LISTEN;
            continue;
        }
        switch (WSTOPSIG(status)) {
        case SIGSEGV:
        case SIGBUS:
        case SIGILL:
        case SIGFPE:
        case SIGTRAP:
        case SIGSYS:
        case SIGABRT:
            return STOP_CRASH;
        default:
            signal = WSTOPSIG(status);
        }
    }
}

/* Where the thread is stopped before a system call, that one is left out. */
static enum stop leave_syscall(struct hf_tracee *tracee)
{
    struct user_regs_struct regs;

    if (!tracee->entering)
        return STOP_SYSCALL;
    if (!get_regs(tracee, &regs))
        return STOP_GONE;
    regs.orig_rax = (unsigned long long)-1;
    if (!set_regs(tracee, &regs))
        return STOP_GONE;
    return next(tracee, UINT64_MAX);
}

int hf_tracee_syscall(struct hf_tracee *tracee, long number, const uint64_t arguments[6], int64_t *result,
                      struct hotfix_error *err)
{
    struct user_regs_struct regs = tracee->regs;

    regs.orig_rax = (unsigned long long)-1;
    regs.rax = (unsigned long long)number;
    regs.rdi = arguments[0];
    regs.rsi = arguments[1];
    regs.rdx = arguments[2];
    regs.r10 = arguments[3];
    regs.r8 = arguments[4];
    regs.r9 = arguments[5];
    regs.rip = tracee->restorer + HF_RESTORER_SYSCALL;
    if (leave_syscall(tracee) != STOP_SYSCALL || !set_regs(tracee, &regs))
        return gone(tracee, err);
    for (int i = 0; i < 2; i++) {
        enum stop stop = next(tracee, UINT64_MAX);
        if (stop == STOP_GONE)
            return gone(tracee, err);
        if (stop == STOP_CRASH)
            return hf_error(err, HOTFIX_STOP, "the kernel did not let process %d make system call %ld",
                            (int)tracee->target->pid, number);
    }
    if (!get_regs(tracee, &regs))
        return gone(tracee, err);
    *result = (int64_t)regs.rax;
    return 0;
}

/* The state of the vector registers in which the ABI has functions begin. */
static bool begin_vectors(const struct hf_tracee *tracee)
{
    enum { FCW = 0, FTW = 4, MXCSR = 24, FCW_DEFAULT = 0x37f, MXCSR_DEFAULT = 0x1f80 };
    uint8_t *xstate = malloc(tracee->xstate_size);
    struct iovec area = {xstate, tracee->xstate_size};
    uint16_t fcw = FCW_DEFAULT;
    uint32_t mxcsr = MXCSR_DEFAULT;
    uint8_t empty = 0;

    if (!xstate)
        return false;
    memcpy(xstate, tracee->xstate, tracee->xstate_size);
    memcpy(xstate + FCW, &fcw, sizeof(fcw));
    memcpy(xstate + FTW, &empty, sizeof(empty));
    memcpy(xstate + MXCSR, &mxcsr, sizeof(mxcsr));
    bool set = trace(PTRACE_SETREGSET, tracee, NT_X86_XSTATE, (uint64_t)&area) == 0;
    free(xstate);
    return set;
}

/* Prepares the registers for the function. */
static bool begin(struct hf_tracee *tracee, const struct hf_tracee_call *call)
{
    enum { FLAGS_DEFAULT = 0x202 };
    struct user_regs_struct regs = tracee->regs;

    regs.orig_rax = (unsigned long long)-1;
    regs.rax = 0;
    regs.rdi = call->arguments[0];
    regs.rsi = call->arguments[1];
    regs.rdx = call->arguments[2];
    regs.rbp = 0;
    regs.rsp = tracee->frame - sizeof(uint64_t);
    regs.rip = call->function;
    regs.eflags = FLAGS_DEFAULT;
    return hf_context_write(tracee) && leave_syscall(tracee) == STOP_SYSCALL && begin_vectors(tracee) &&
           set_regs(tracee, &regs);
}

static void note_result(struct hf_tracee_call *call, long number, int64_t result)
{
    if (number == call->watched)
        call->result = result;
    if (result < 0 && result > -4096) {
        call->failed = number;
        call->failed_with = result;
    }
}

/*
 * What runs in there waits for something. The thread is left to itself, and finds back by the context on its stack. But
 * with a filter of system calls, which would be back in force, the process might be ended for what it does there: such
 * a thread is put back, and what it had locked stays locked.
 */
static int overrun(struct hf_tracee *tracee, struct hotfix_error *err)
{
    int pid = (int)tracee->target->pid, tid = (int)tracee->tid, status;

    if (!tracee->filtered) {
        leave_behind(tracee);
        return hf_error(
            err, HOTFIX_BUSY,
            "thread %d of process %d waits for something in there: it goes on by itself, look with 'hotfixctl "
            "status' what came of it",
            tid, pid);
    }
    trace(PTRACE_INTERRUPT, tracee, 0, 0);
    if (await(tracee, hf_now_ns() + NS_PER_S, &status) != 1)
        leave_behind(tracee);
    else if (WSTOPSIG(status) == SYSCALL_STOP)
        tracee->entering = !tracee->entering;
    return hf_error(
        err, HOTFIX_BUSY,
        "thread %d of process %d waited too long for something in there and was taken back: restart the process "
        "when you can, since locks may be held for ever",
        tid, pid);
}

int hf_tracee_run(struct hf_tracee *tracee, struct hf_tracee_call *call, uint64_t deadline, struct hotfix_error *err)
{
    struct user_regs_struct regs;
    long number = -1;

    call->result = 0;
    call->failed = -1;
    if (!begin(tracee, call))
        return gone(tracee, err);
    for (;;) {
        enum stop stop = next(tracee, deadline);
        if (stop == STOP_CRASH)
            return hf_error(err, HOTFIX_INTERNAL, "what was to run in process %d crashed, and thread %d was put back",
                            (int)tracee->target->pid, (int)tracee->tid);
        if (stop == STOP_LATE)
            return overrun(tracee, err);
        if (stop == STOP_GONE || !get_regs(tracee, &regs))
            return gone(tracee, err);
        if (!tracee->entering) {
            note_result(call, number, (int64_t)regs.rax);
            continue;
        }
        number = (long)regs.orig_rax;
        if (number == SYS_rt_sigreturn && regs.rip == tracee->restorer + HF_RESTORER_SYSCALL + 2)
            return 0;
    }
}

/*
 * Restarting a system call is the kernel's, at the end of a stop as it was held in: so there is another one, from which
 * the thread leaves as if it had never been used.
 */
void hf_tracee_release(struct hf_tracee *tracee)
{
    struct iovec area = {tracee->xstate, tracee->xstate_size};
    int status, signal = 0;

    if (!tracee->target || tracee->left) {
        free(tracee->xstate);
        tracee->xstate = NULL;
        return;
    }
    if (tracee->disturbed)
        hf_restart_whole(&tracee->regs);
    leave_syscall(tracee);
    set_regs(tracee, &tracee->regs);
    trace(PTRACE_INTERRUPT, tracee, 0, 0);
    trace(PTRACE_CONT, tracee, 0, 0);
    if (await(tracee, UINT64_MAX, &status) == 1) {
        signal = EVENT(status) == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status);
        trace(PTRACE_SETREGSET, tracee, NT_X86_XSTATE, (uint64_t)&area);
        set_regs(tracee, &tracee->regs);
        set_mask(tracee, tracee->mask);
        detach(tracee, signal);
    }
    free(tracee->xstate);
    tracee->xstate = NULL;
    tracee->left = true;
}
