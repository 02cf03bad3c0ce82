/* SPDX-License-Identifier: Apache-2.0 */
#include "enter/safe.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "enter/restart.h"
#include "process/unwind.h"

#define FRAMES_MAX 256
#define CODE_MAX   4096 /* bytes of a function that is searched for its last jump */

enum { JUMP = 0xe9, JUMP_SIZE = 5, SHORT_JUMP = 0xeb, SHORT_JUMP_SIZE = 2 };

struct walk {
    const struct hf_target *target;
    const struct hf_images *images;
    uint64_t pcs[FRAMES_MAX]; /* innermost first; return addresses but for the first */
    size_t count;
    uint64_t stack_end; /* of the thread's own stack */
};

/* Functions of the C library that wait for other threads, and hold no lock meanwhile. */
static const char *const waits[] = {
    "pthread_cond_wait", "pthread_cond_timedwait", "pthread_cond_clockwait",
    "sem_wait",          "sem_timedwait",          "sem_clockwait",
    "cnd_wait",          "cnd_timedwait",          "pthread_barrier_wait",
    "pthread_join",      "pthread_timedjoin_np",   "pthread_clockjoin_np",
    "thrd_join",
};

/*
 * Functions that make one system call, directly or through other functions of the C library, and hold no lock either.
 */
static const char *const wrappers[] = {
    "accept",       "accept4",        "clock_nanosleep", "epoll_pwait", "epoll_pwait2", "epoll_wait",  "flock",
    "msgrcv",       "nanosleep",      "pause",           "poll",        "ppoll",        "pselect",     "read",
    "recv",         "recvfrom",       "recvmsg",         "select",      "semop",        "semtimedop",  "sigsuspend",
    "sigtimedwait", "sigwait",        "sigwaitinfo",     "sleep",       "thrd_sleep",   "usleep",      "wait",
    "wait3",        "wait4",          "waitid",          "waitpid",     "__poll_chk",   "__ppoll_chk", "__read_chk",
    "__recv_chk",   "__recvfrom_chk", "syscall",
};

static bool is_one_of(const struct hf_image *image, uint64_t pc, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (hf_image_is_in(image, pc, names[i]))
            return true;
    }
    return false;
}
#define IS_ONE_OF(image, pc, names) is_one_of(image, pc, names, sizeof(names) / sizeof((names)[0]))

/*
 * Does a function of a list end with a jump to the function that begins there: one without a name, in which it waits?
 * Its own frame no longer exists then. Any four bytes that would lead there count.
 */
static bool goes_on_in(const struct hf_target *target, const struct hf_image *libc, const char *name, uint64_t begin)
{
    uint8_t code[CODE_MAX];
    uint64_t address = hf_image_symbol(libc, name);
    uint64_t size = hf_image_symbol_size(libc, name);

    if (!address || size > sizeof(code) || !hf_target_read(target, address, code, size))
        return false;
    if (size > SHORT_JUMP_SIZE && code[size - SHORT_JUMP_SIZE] == SHORT_JUMP &&
        address + size + (uint64_t)(int64_t)(int8_t)code[size - 1] == begin)
        return true;
    if (size > JUMP_SIZE && code[size - JUMP_SIZE] == JUMP) {
        int32_t distance;
        memcpy(&distance, code + size - sizeof(distance), sizeof(distance));
        return address + size + (uint64_t)(int64_t)distance == begin;
    }
    return false;
}

/*
 * Is it certain that the C library's function in which a thread makes this system call, at that address, holds no lock
 * meanwhile?
 */
static bool holds_nothing(const struct walk *walk, const struct hf_image *libc, unsigned long long number, uint64_t pc)
{
    if (number != SYS_futex && IS_ONE_OF(libc, pc, wrappers))
        return true;
    if (!hf_restart_is_wait(number))
        return false;
    if (IS_ONE_OF(libc, pc, waits))
        return true;
    uint64_t begin = hf_unwind_function(walk->target, walk->images, pc);
    for (size_t i = 0; begin && i < sizeof(waits) / sizeof(waits[0]); i++) {
        if (goes_on_in(walk->target, libc, waits[i], begin))
            return true;
    }
    return false;
}

static const char *const allocator[] = {"malloc",   "free",           "calloc",       "realloc",
                                        "memalign", "posix_memalign", "aligned_alloc"};

/* A library that provides, or may provide, the process's malloc: all of its code counts as the allocator. */
static bool allocates(const struct hf_image *image)
{
    return hf_image_symbol(image, "malloc") != 0 && hf_image_symbol(image, "free") != 0;
}

static bool is_main(const struct walk *walk, const struct hf_image *image)
{
    return image == hf_images_program(walk->images);
}

/* The thread's own stack is that of the first thread, or the mapping to which its thread pointer points. */
static bool on_own_stack(struct walk *walk, const struct hf_tracee *tracee)
{
    const struct hf_mapping *stack = hf_target_mapping(walk->target, tracee->regs.rsp);

    if (!stack || !stack->writable)
        return false;
    walk->stack_end = stack->end;
    if (tracee->tid == walk->target->pid && strcmp(stack->path, "[stack]") == 0)
        return true;
    return stack == hf_target_mapping(walk->target, tracee->regs.fs_base) && tracee->regs.fs_base > tracee->regs.rsp;
}

static bool collect(struct walk *walk, const struct user_regs_struct *regs, char why[HF_SAFE_WHY])
{
    struct hf_frame frame = {.regs = {regs->rax, regs->rdx, regs->rcx, regs->rbx, regs->rsi, regs->rdi, regs->rbp,
                                      regs->rsp, regs->r8, regs->r9, regs->r10, regs->r11, regs->r12, regs->r13,
                                      regs->r14, regs->r15, regs->rip},
                             .known = (1u << HF_DWARF_REGS) - 1};

    for (;;) {
        uint64_t pc = frame.regs[HF_DWARF_PC], sp = frame.regs[HF_DWARF_RSP];
        if (walk->count == FRAMES_MAX) {
            snprintf(why, HF_SAFE_WHY, "has more than %d functions on its stack", FRAMES_MAX);
            return false;
        }
        bool innermost = walk->count == 0;
        walk->pcs[walk->count++] = pc;
        switch (hf_unwind(walk->target, walk->images, innermost, &frame)) {
        case HF_UNWOUND_CALLER:
            /* The stack pointer of a caller is above, and on the same stack. */
            if (frame.regs[HF_DWARF_RSP] > sp && frame.regs[HF_DWARF_RSP] <= walk->stack_end)
                continue;
            snprintf(why, HF_SAFE_WHY, "has a stack that does not lead back to its beginning");
            return false;
        case HF_UNWOUND_END:
            return true;
        case HF_UNWOUND_SIGNAL:
            snprintf(why, HF_SAFE_WHY, "is in a signal handler");
            return false;
        default:
            snprintf(why, HF_SAFE_WHY, "has a function without unwind table at %#llx on its stack",
                     (unsigned long long)pc);
            return false;
        }
    }
}

/*
 * How many of the outermost functions are those with which every thread begins: _start and two functions of the C
 * library, or two of the C library. 0 when there are no such functions.
 */
static size_t count_base(const struct walk *walk, const struct hf_image *libc)
{
    size_t count = walk->count;
    size_t skip = count > 0 && hf_images_at(walk->images, walk->pcs[count - 1] - 1) != libc ? 1 : 0;

    if (count < skip + 3)
        return 0;
    if (skip && !is_main(walk, hf_images_at(walk->images, walk->pcs[count - 1] - 1)))
        return 0;
    for (size_t i = 0; i < 2; i++) {
        if (hf_images_at(walk->images, walk->pcs[count - 1 - skip - i] - 1) != libc)
            return 0;
    }
    return skip + 2;
}

/* Checks the functions from index `first`, the caller of the function that makes the system call, up to `end`. */
static bool check_callers(const struct walk *walk, const struct hf_image *libc, size_t first, size_t end,
                          char why[HF_SAFE_WHY])
{
    for (size_t i = first; i < end; i++) {
        uint64_t pc = walk->pcs[i] - (i > 0);
        const struct hf_image *image = hf_images_at(walk->images, pc);
        const char *name = image ? hf_image_function_at(image, pc) : NULL;
        bool ours = image == libc || (image && strncmp(image->soname, "ld-linux", strlen("ld-linux")) == 0);
        if (!image)
            snprintf(why, HF_SAFE_WHY, "runs code that belongs to no file");
        else if (ours)
            snprintf(why, HF_SAFE_WHY, "is in %s of %s", name ? name : "a function", image->soname);
        else if (is_main(walk, image) ? IS_ONE_OF(image, pc, allocator) : allocates(image))
            snprintf(why, HF_SAFE_WHY, "is in the program's allocator");
        else
            continue;
        return false;
    }
    return true;
}

bool hf_safe_point(const struct hf_target *target, const struct hf_images *images, const struct hf_tracee *tracee,
                   char why[HF_SAFE_WHY])
{
    static struct walk walk; /* this command has one thread */
    const struct hf_image *libc = hf_images_named(images, "libc.so.6");
    unsigned long long number = tracee->regs.orig_rax;

    walk = (struct walk){.target = target, .images = images};
    if ((long long)number < 0 || !hf_restart_possible(number)) {
        snprintf(why, HF_SAFE_WHY, "does not sleep in a system call that can be interrupted unnoticed");
        return false;
    }
    if (!libc || !on_own_stack(&walk, tracee)) {
        snprintf(why, HF_SAFE_WHY, "is on a stack that is not its own");
        return false;
    }
    if (!collect(&walk, &tracee->regs, why))
        return false;
    size_t base = count_base(&walk, libc);
    if (base == 0) {
        snprintf(why, HF_SAFE_WHY, "was not begun by the C library, or begins or ends right now");
        return false;
    }

    /* The system call, in a function of the C library that the program called. */
    size_t first = 0, end = walk.count - base;
    while (first < end && hf_images_at(images, walk.pcs[first] - (first > 0)) == libc)
        first++;
    if (first > 0) {
        uint64_t pc = walk.pcs[first - 1] - (first > 1);
        const char *name = hf_image_function_at(libc, pc);
        if (!holds_nothing(&walk, libc, number, pc)) {
            snprintf(why, HF_SAFE_WHY, "is in %s of libc.so.6", name ? name : "a function");
            return false;
        }
    } else if (hf_restart_is_wait(number)) {
        snprintf(why, HF_SAFE_WHY, "waits for a lock of the program's own");
        return false;
    }
    return check_callers(&walk, libc, first, end, why);
}
