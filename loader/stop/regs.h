/* SPDX-License-Identifier: Apache-2.0 */
/* The few registers of a stopped thread that are needed. */
#ifndef HF_REGS_H
#define HF_REGS_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <ucontext.h>

#include "process/raw.h"

#if defined(__x86_64__)
enum { HF_GENERAL_REGS = 15 };
#elif defined(__aarch64__)
enum { HF_GENERAL_REGS = 31 };
#endif

struct hf_regs {
    uintptr_t general[HF_GENERAL_REGS]; /* in no particular order */
    uintptr_t pc;
    uintptr_t pc_restart; /* where the kernel continues when it restarts the interrupted system call; pc without one */
    uintptr_t sp;
    uintptr_t tp; /* thread pointer: glibc puts it at the top of the thread's own stack */
};

/* One store for each register: the compiler may turn a loop of plain stores into a call of memcpy, which is in libc. */
static inline void hf_regs_keep(struct hf_regs *regs, size_t i, uintptr_t value)
{
    *(volatile uintptr_t *)&regs->general[i] = value;
}

#if defined(__x86_64__)

#define HF_RED_ZONE 128

/* The address to which this word of a stack would return. */
static inline uintptr_t hf_regs_return_address(uintptr_t word)
{
    return word;
}

/* A return address that is not on the stack yet; 0 on CPUs whose calls store it there at once. */
static inline uintptr_t hf_regs_link(const struct hf_regs *regs)
{
    (void)regs;
    return 0;
}

enum { HF_SYSCALL_SIZE = 2 };

/* Not in user-space headers: how the kernel marks an interrupted system call that it restarts when no handler runs. */
enum { HF_ERESTARTSYS = 512, HF_ERESTARTNOINTR = 513, HF_ERESTARTNOHAND = 514, HF_ERESTART_RESTARTBLOCK = 516 };

/*
 * System calls that the kernel ends with EINTR although no signal handler runs (when a tracer interrupts them), and
 * that had no effect by then.
 */
static inline bool hf_regs_repeatable(unsigned long long number)
{
    switch (number) {
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
#ifdef SYS_epoll_pwait2
    case SYS_epoll_pwait2:
#endif
    case SYS_rt_sigtimedwait:
    case SYS_semop:
    case SYS_semtimedop:
    case SYS_io_getevents:
    case SYS_read:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_accept:
    case SYS_accept4:
        return true;
    default:
        return false;
    }
}

/*
 * Makes the kernel restart a system call that our interruption ended with EINTR, unless a signal handler runs first:
 * then EINTR is the correct result.
 */
static inline void hf_regs_make_restart(pid_t tid, struct user_regs_struct *user)
{
    if ((long long)user->orig_rax < 0 || (long long)user->rax != -EINTR || !hf_regs_repeatable(user->orig_rax))
        return;
    user->rax = (unsigned long long)-HF_ERESTARTNOHAND;
    hf_raw4(SYS_ptrace, PTRACE_POKEUSER, tid, offsetof(struct user_regs_struct, rax), user->rax);
}

/* Of a thread that the calling one has stopped with ptrace. 0, or -errno. */
static inline long hf_regs_fetch(pid_t tid, struct hf_regs *regs)
{
    struct user_regs_struct user;
    struct iovec area = {&user, sizeof(user)};
    long status = hf_raw4(SYS_ptrace, PTRACE_GETREGSET, tid, NT_PRSTATUS, &area);

    if (status < 0)
        return status;
    hf_regs_make_restart(tid, &user);

    const uintptr_t general[HF_GENERAL_REGS] = {user.rax, user.rbx, user.rcx, user.rdx, user.rsi,
                                                user.rdi, user.rbp, user.r8,  user.r9,  user.r10,
                                                user.r11, user.r12, user.r13, user.r14, user.r15};
    for (size_t i = 0; i < HF_GENERAL_REGS; i++)
        hf_regs_keep(regs, i, general[i]);
    long long result = (long long)user.rax;
    bool restart = (long long)user.orig_rax >= 0 && result <= -HF_ERESTARTSYS && result >= -HF_ERESTART_RESTARTBLOCK;
    regs->pc = user.rip;
    regs->pc_restart = restart ? user.rip - HF_SYSCALL_SIZE : user.rip;
    regs->sp = user.rsp;
    regs->tp = user.fs_base;
    return 0;
}

static inline void hf_regs_from_context(const ucontext_t *context, struct hf_regs *regs)
{
    static const int general[HF_GENERAL_REGS] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RBP, REG_R8,
                                                 REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

    for (size_t i = 0; i < HF_GENERAL_REGS; i++)
        hf_regs_keep(regs, i, (uintptr_t)context->uc_mcontext.gregs[general[i]]);
    regs->pc = regs->pc_restart = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
    regs->sp = (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
    regs->tp = hf_raw_thread_pointer();
}

#elif defined(__aarch64__)

#define HF_RED_ZONE 0

/* XPACLRI removes the signature that PACIASP puts into the upper bits; it does nothing on CPUs without signatures. */
static inline uintptr_t hf_regs_return_address(uintptr_t word)
{
    register uintptr_t link __asm__("x30") = word;

    __asm__("hint #7" : "+r"(link));
    return link;
}

/* A function that calls no other keeps its return address in this register. */
static inline uintptr_t hf_regs_link(const struct hf_regs *regs)
{
    enum { LINK = 30 };

    return hf_regs_return_address(regs->general[LINK]);
}

/* Before a tracer sees the registers, the kernel has set pc back to a system call that it will restart. */
static inline long hf_regs_fetch(pid_t tid, struct hf_regs *regs)
{
    struct user_regs_struct user;
    uint64_t tls = 0;
    struct iovec area = {&user, sizeof(user)};
    struct iovec tls_area = {&tls, sizeof(tls)};
    long status = hf_raw4(SYS_ptrace, PTRACE_GETREGSET, tid, NT_PRSTATUS, &area);

    if (status == 0)
        status = hf_raw4(SYS_ptrace, PTRACE_GETREGSET, tid, NT_ARM_TLS, &tls_area);
    if (status < 0)
        return status;
    for (size_t i = 0; i < HF_GENERAL_REGS; i++)
        hf_regs_keep(regs, i, user.regs[i]);
    regs->pc = regs->pc_restart = user.pc;
    regs->sp = user.sp;
    regs->tp = tls;
    return 0;
}

static inline void hf_regs_from_context(const ucontext_t *context, struct hf_regs *regs)
{
    for (size_t i = 0; i < HF_GENERAL_REGS; i++)
        hf_regs_keep(regs, i, context->uc_mcontext.regs[i]);
    regs->pc = regs->pc_restart = context->uc_mcontext.pc;
    regs->sp = context->uc_mcontext.sp;
    regs->tp = hf_raw_thread_pointer();
}

#endif
#endif
