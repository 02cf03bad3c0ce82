/* SPDX-License-Identifier: Apache-2.0 */
#include "enter/restart.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>

/* Not in user-space headers: how the kernel marks an interrupted system call. */
enum { ERESTART_FIRST = 512, ERESTART_NOHAND = 514, ERESTART_BLOCK = 516 };

/* What is restarted, and whether the kernel has to be asked to. */
static const struct {
    unsigned long long number;
    bool asked;
} calls[] = {
    {SYS_read, true},
    {SYS_recvfrom, true},
    {SYS_recvmsg, true},
    {SYS_accept, true},
    {SYS_accept4, true},
    {SYS_epoll_wait, true},
    {SYS_epoll_pwait, true},
    {SYS_rt_sigtimedwait, true},
    {SYS_semop, true},
    {SYS_semtimedop, true},
    {SYS_io_getevents, true},
    {SYS_poll, false},
    {SYS_ppoll, false},
    {SYS_select, false},
    {SYS_pselect6, false},
    {SYS_nanosleep, false},
    {SYS_clock_nanosleep, false},
    {SYS_futex, false},
    {SYS_wait4, false},
    {SYS_waitid, false},
    {SYS_pause, false},
    {SYS_rt_sigsuspend, false},
    {SYS_msgrcv, false},
    {SYS_flock, false},
    {SYS_restart_syscall, false},
#ifdef SYS_epoll_pwait2
    {SYS_epoll_pwait2, true},
#endif
};

static size_t find(unsigned long long number)
{
    size_t i = 0;

    while (i < sizeof(calls) / sizeof(calls[0]) && calls[i].number != number)
        i++;
    return i;
}

bool hf_restart_possible(unsigned long long number)
{
    return find(number) < sizeof(calls) / sizeof(calls[0]);
}

bool hf_restart_is_wait(unsigned long long number)
{
    return number == SYS_futex || number == SYS_restart_syscall;
}

void hf_restart_arrange(struct user_regs_struct *regs)
{
    if ((long long)regs->orig_rax >= 0 && (long long)regs->rax == -EINTR && hf_restart_possible(regs->orig_rax) &&
        calls[find(regs->orig_rax)].asked)
        regs->rax = (unsigned long long)-ERESTART_NOHAND;
}

bool hf_restart_pending(const struct user_regs_struct *regs)
{
    long long result = (long long)regs->rax;

    return (long long)regs->orig_rax >= 0 && result <= -ERESTART_FIRST && result >= -ERESTART_BLOCK;
}

void hf_restart_whole(struct user_regs_struct *regs)
{
    if (hf_restart_pending(regs) && (long long)regs->rax == -ERESTART_BLOCK && regs->orig_rax != SYS_restart_syscall)
        regs->rax = (unsigned long long)-ERESTART_NOHAND;
}
