/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls without libc: no errno, no cancellation point, no lazily bound symbol. For code that runs while threads
 * are stopped, and for the helper that shares thread-local storage with the thread that started it. A failed call
 * returns -errno, as the kernel does.
 *
 * Porting: a new CPU adds its block here and one in regs.h.
 */
#ifndef HF_RAW_H
#define HF_RAW_H

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>

#define HF_NS_PER_US UINT64_C(1000)
#define HF_NS_PER_MS UINT64_C(1000000)
#define HF_NS_PER_S  UINT64_C(1000000000)

/* Code that reads other threads' stacks, or runs on a stack that no sanitizer knows. */
#define HF_NO_SANITIZE __attribute__((no_sanitize("address")))

#if defined(__SANITIZE_ADDRESS__)
#define HF_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HF_ASAN 1
#endif
#endif

#if defined(__x86_64__)

static inline long hf_raw6(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* May this CPU refuse an indirect call to code without a landing pad? */
static inline int hf_raw_guarded(void)
{
    return 0;
}

/*
 * Does valgrind run the program? valgrind recognises these rotations, by 128 bits altogether, as a request: a register
 * points to its number and operands, and the answer is not 0. On a CPU they have no effect.
 */
static inline uint64_t hf_raw_translated(void)
{
    const uint64_t question[6] = {0x1001};
    uint64_t answer = 0;

    __asm__ volatile("rolq $3, %%rdi\n\trolq $13, %%rdi\n\trolq $61, %%rdi\n\trolq $51, %%rdi\n\txchgq %%rbx, %%rbx"
                     : "+d"(answer)
                     : "a"(question)
                     : "cc", "memory");
    return answer;
}

static inline uintptr_t hf_raw_thread_pointer(void)
{
    uintptr_t pointer;
    __asm__("mov %%fs:0, %0" : "=r"(pointer));
    return pointer;
}

#elif defined(__aarch64__)

static inline long hf_raw6(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;

    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

/* May this CPU refuse an indirect call to code without a landing pad (BTI)? */
static inline int hf_raw_guarded(void)
{
    return (getauxval(AT_HWCAP2) & HWCAP2_BTI) != 0;
}

/* Does valgrind run the program? As for x86-64, in the registers and instructions that it has for this CPU. */
static inline uint64_t hf_raw_translated(void)
{
    const uint64_t question[6] = {0x1001};
    register uint64_t x3 __asm__("x3") = 0;
    register const uint64_t *x4 __asm__("x4") = question;

    __asm__ volatile("ror x12, x12, #3\n\tror x12, x12, #13\n\tror x12, x12, #51\n\tror x12, x12, #61\n\t"
                     "orr x10, x10, x10"
                     : "+r"(x3)
                     : "r"(x4)
                     : "cc", "memory");
    return x3;
}

static inline uintptr_t hf_raw_thread_pointer(void)
{
    uintptr_t pointer;
    __asm__("mrs %0, tpidr_el0" : "=r"(pointer));
    return pointer;
}

#else
#error "this CPU has no raw system call yet"
#endif

#ifdef HF_FAULTS
/* For tests (tests/fault): a build in which each of these calls can be made to fail. */
long hf_fault_raw(long number, long a, long b, long c, long d, long e, long f,
                  long (*call)(long number, long a, long b, long c, long d, long e, long f));
#define hf_raw6(number, a, b, c, d, e, f) hf_fault_raw(number, a, b, c, d, e, f, hf_raw6)
#endif

#define hf_raw5(number, a, b, c, d, e) hf_raw6(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define hf_raw4(number, a, b, c, d)    hf_raw5(number, a, b, c, d, 0)
#define hf_raw3(number, a, b, c)       hf_raw4(number, a, b, c, 0)
#define hf_raw2(number, a, b)          hf_raw3(number, a, b, 0)
#define hf_raw1(number, a)             hf_raw2(number, a, 0)
#define hf_raw0(number)                hf_raw1(number, 0)

/* A clock in nanoseconds. */
static inline uint64_t hf_raw_clock(clockid_t clock)
{
    struct timespec now = {0, 0};

    hf_raw2(SYS_clock_gettime, clock, &now);
    return (uint64_t)now.tv_sec * HF_NS_PER_S + (uint64_t)now.tv_nsec;
}

static inline uint64_t hf_raw_now(void)
{
    return hf_raw_clock(CLOCK_MONOTONIC);
}

static inline struct timespec hf_raw_timespec(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / HF_NS_PER_S), .tv_nsec = (long)(ns % HF_NS_PER_S)};
}

static inline void hf_raw_sleep(uint64_t ns)
{
    struct timespec length = hf_raw_timespec(ns);

    hf_raw2(SYS_nanosleep, &length, NULL);
}

/*
 * Sleeps while *word is `expected`, at most until the CLOCK_MONOTONIC time `until`. May wake without a reason. The
 * futexes are not FUTEX_PRIVATE: the kernel's wake at the helper's death is not private, and would miss a private
 * waiter.
 */
static inline void hf_raw_wait(const uint32_t *word, uint32_t expected, uint64_t until)
{
    struct timespec limit = hf_raw_timespec(until);

    hf_raw6(SYS_futex, (long)word, FUTEX_WAIT_BITSET, expected, (long)&limit, 0, FUTEX_BITSET_MATCH_ANY);
}

static inline void hf_raw_wake(const uint32_t *word, uint32_t count)
{
    hf_raw3(SYS_futex, word, FUTEX_WAKE, count);
}

#endif
