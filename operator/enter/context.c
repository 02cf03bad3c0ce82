/* SPDX-License-Identifier: Apache-2.0 */
#include "enter/context.h"

#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "cleanup.h"
#include "enter/restart.h"

/* asm/sigcontext.h and asm/ucontext.h, which do not go together with the C library's headers. */
enum { XSTATE_MAGIC1 = 0x46505853, XSTATE_MAGIC2 = 0x46505845 };
enum { UC_FLAGS_XSTATE_SS_STRICT = 1 | 2 | 4 };
enum { SW_RESERVED = 464, XSTATE_ALIGNMENT = 64, SYSCALL_SIZE = 2 };

/* Bytes 464 to 511 of the area are software's: ptrace puts the mask of features there, a signal frame wants more. */
struct software {
    uint32_t magic1;
    uint32_t extended_size;
    uint64_t features;
    uint32_t size;
    uint32_t padding[7];
};

static void fill(const struct hf_tracee *tracee, uint64_t fpstate, ucontext_t *context)
{
    const struct user_regs_struct *regs = &tracee->regs;
    bool restart = hf_restart_pending(regs);
    const unsigned long long values[] = {
        [REG_R8] = regs->r8,
        [REG_R9] = regs->r9,
        [REG_R10] = regs->r10,
        [REG_R11] = regs->r11,
        [REG_R12] = regs->r12,
        [REG_R13] = regs->r13,
        [REG_R14] = regs->r14,
        [REG_R15] = regs->r15,
        [REG_RDI] = regs->rdi,
        [REG_RSI] = regs->rsi,
        [REG_RBP] = regs->rbp,
        [REG_RBX] = regs->rbx,
        [REG_RDX] = regs->rdx,
        [REG_RAX] = restart ? regs->orig_rax : regs->rax,
        [REG_RCX] = regs->rcx,
        [REG_RSP] = regs->rsp,
        [REG_RIP] = restart ? regs->rip - SYSCALL_SIZE : regs->rip,
        [REG_EFL] = regs->eflags,
        [REG_CSGSFS] = (regs->cs & 0xffff) | (regs->ss & 0xffff) << 48,
    };

    memset(context, 0, sizeof(*context));
    context->uc_flags = UC_FLAGS_XSTATE_SS_STRICT;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        context->uc_mcontext.gregs[i] = (greg_t)values[i];
    context->uc_mcontext.fpregs = (fpregset_t)fpstate;
    /* What is about to change in the code is not to be where the thread is: both places are looked at. */
    context->uc_mcontext.gregs[REG_CR2] = (greg_t)regs->rip;
    memcpy(&context->uc_sigmask, &tracee->mask, sizeof(tracee->mask));
}

bool hf_context_write(const struct hf_tracee *tracee)
{
    uint64_t fpstate = (tracee->frame + sizeof(ucontext_t) + XSTATE_ALIGNMENT - 1) & -(uint64_t)XSTATE_ALIGNMENT;
    uint32_t end = XSTATE_MAGIC2;
    ucontext_t context;
    HF_FREE uint8_t *area = malloc(tracee->xstate_size);

    if (!area)
        return false;
    memcpy(area, tracee->xstate, tracee->xstate_size);
    struct software software = {.magic1 = XSTATE_MAGIC1,
                                .extended_size = (uint32_t)(tracee->xstate_size + sizeof(end)),
                                .size = (uint32_t)tracee->xstate_size};
    memcpy(&software.features, area + SW_RESERVED, sizeof(software.features));
    memcpy(area + SW_RESERVED, &software, sizeof(software));
    fill(tracee, fpstate, &context);
    return hf_target_write(tracee->target, tracee->frame - sizeof(uint64_t), &tracee->restorer, sizeof(uint64_t)) &&
           hf_target_write(tracee->target, tracee->frame, &context, sizeof(context)) &&
           hf_target_write(tracee->target, fpstate, area, tracee->xstate_size) &&
           hf_target_write(tracee->target, fpstate + tracee->xstate_size, &end, sizeof(end));
}

uint64_t hf_context_restorer(const struct hf_target *target, uint64_t code_begin, uint64_t code_end)
{
    /* mov $SYS_rt_sigreturn, %rax; syscall: debuggers know a signal frame by these bytes, so that they never change. */
    static const uint8_t restorer[] = {0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05};
    HF_FREE uint8_t *code = malloc(code_end - code_begin);

    if (!code || !hf_target_read(target, code_begin, code, code_end - code_begin))
        return 0;
    const uint8_t *found = memmem(code, code_end - code_begin, restorer, sizeof(restorer));
    return found ? code_begin + (uint64_t)(found - code) : 0;
}

bool hf_context_errno(const struct hf_target *target, uint64_t function, int64_t *offset)
{
    static const uint8_t landing_pad[] = {0xf3, 0x0f, 0x1e, 0xfa};
    static const uint8_t load[] = {0x48, 0x8b, 0x05}; /* mov X(%rip), %rax */
    static const uint8_t add[] = {0x64, 0x48, 0x03, 0x04, 0x25,
                                  0x00, 0x00, 0x00, 0x00, 0xc3}; /* add %fs:0, %rax; ret */
    uint8_t code[32];
    size_t at = 0;
    int32_t distance;

    if (!function || !hf_target_read(target, function, code, sizeof(code)))
        return false;
    if (memcmp(code, landing_pad, sizeof(landing_pad)) == 0)
        at += sizeof(landing_pad);
    if (memcmp(code + at, load, sizeof(load)) != 0)
        return false;
    at += sizeof(load);
    memcpy(&distance, code + at, sizeof(distance));
    at += sizeof(distance);
    return memcmp(code + at, add, sizeof(add)) == 0 &&
           hf_target_read(target, function + at + (uint64_t)(int64_t)distance, offset, sizeof(*offset));
}
