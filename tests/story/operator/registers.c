/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sleeps in poll again and again, by an instruction of its own, with every register that the kernel keeps holding a
 * known value, and looks whether one has another value afterwards. Ends with 0 once "go" is there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fenv.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int fee(int value);

struct registers {
    uint64_t general[8]; /* rbx, rdx, rdi, rsi, r8 to r10, r12 */
    uint8_t vectors[16][32];
    uint8_t masks[8];
};

static struct registers before, after;
static struct pollfd nothing[1];
static int wide;

#define LOAD(n)  "vmovdqu 64+32*" #n "(%[in]), %%ymm" #n "\n"
#define STORE(n) "vmovdqu %%ymm" #n ", 64+32*" #n "(%[out])\n"
#define EACH(X)  X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

__attribute__((target("avx"))) static long sleep_with_registers(void)
{
    register struct registers *in __asm__("r13") = &before;
    register struct registers *out __asm__("r14") = &after;
    long result;

    __asm__ volatile(EACH(LOAD) "mov 0(%[in]), %%rbx\n"
                                "mov 8(%[in]), %%rdx\n"
                                "mov 16(%[in]), %%rdi\n"
                                "mov 24(%[in]), %%rsi\n"
                                "mov 32(%[in]), %%r8\n"
                                "mov 40(%[in]), %%r9\n"
                                "mov 48(%[in]), %%r10\n"
                                "mov 56(%[in]), %%r12\n"
                                "mov %[number], %%eax\n"
                                "syscall\n"
                                "mov %%rbx, 0(%[out])\n"
                                "mov %%rdx, 8(%[out])\n"
                                "mov %%rdi, 16(%[out])\n"
                                "mov %%rsi, 24(%[out])\n"
                                "mov %%r8, 32(%[out])\n"
                                "mov %%r9, 40(%[out])\n"
                                "mov %%r10, 48(%[out])\n"
                                "mov %%r12, 56(%[out])\n" EACH(STORE) "vzeroupper\n"
                     : "=a"(result)
                     : [in] "r"(in), [out] "r"(out), [number] "i"(SYS_poll)
                     : "rbx", "rcx", "rdx", "rdi", "rsi", "r8", "r9", "r10", "r11", "r12", "memory", "cc", "xmm0",
                       "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                       "xmm12", "xmm13", "xmm14", "xmm15");
    return result;
}

int main(void)
{
    int (*volatile called)(int value) = fee;
    unsigned long rounds = 0;
    int failed = 0;

    (void)wide;
    if (!__builtin_cpu_supports("avx"))
        return puts("no AVX"), 77;
    for (size_t i = 0; i < sizeof(before); i++)
        ((uint8_t *)&before)[i] = (uint8_t)(i * 37 + 11);
    before.general[2] = (uint64_t)nothing; /* rdi */
    before.general[3] = 0;                 /* rsi: none of them */
    before.general[1] = 20;                /* rdx: milliseconds */
    memcpy(after.masks, before.masks, sizeof(before.masks));
    fesetround(FE_UPWARD);
    puts("ready");
    fflush(stdout);
    errno = 4242;
    while (syscall(SYS_access, "go", F_OK) != 0 && !failed) {
        errno = 4242;
        long result = sleep_with_registers();
        failed |= result != 0 ? 1 : 0;
        failed |= memcmp(&before, &after, sizeof(before)) != 0 ? 2 : 0;
        failed |= errno != 4242 ? 4 : 0;
        failed |= fegetround() != FE_UPWARD ? 8 : 0;
        rounds++;
    }
    printf("%s %d, fee %d\n", failed ? "CHANGED" : rounds > 0 ? "kept" : "never slept", failed, called(3));
    return 0;
}
