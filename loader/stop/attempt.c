/* SPDX-License-Identifier: Apache-2.0 */
/* All but create and destroy runs while threads are stopped. May call: what raw.h has; nothing of libc. */
#include "stop/attempt.h"

#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "process/raw.h"
#include "process/reserve.h"

#ifdef HF_ASAN
#include <sanitizer/asan_interface.h>
#endif

enum {
    GUARD_SIZE = 65536, /* a page at least, whatever the page size */
    STACK_SIZE = 65536,
    BUFFER_SIZE = 65536,
    REGIONS_PER_THREAD = 4,
    REGIONS_MIN = 65536,
    TID_LIMIT = 4194304, /* the kernel's PID_MAX_LIMIT */
    KNOWN_BITS = 64,
    KNOWN_SIZE = TID_LIMIT / 8
};

int hf_attempt_create(size_t thread_capacity, struct hf_attempt **attempt, struct hotfix_error *err)
{
    size_t regions = thread_capacity * REGIONS_PER_THREAD + REGIONS_MIN;
    size_t size = GUARD_SIZE + STACK_SIZE + BUFFER_SIZE + KNOWN_SIZE + sizeof(struct hf_attempt) +
                  thread_capacity * sizeof(struct hf_thread) + regions * sizeof(struct hf_region);

    /* Pages that are never touched cost nothing. The first ones stay inaccessible: the guard below the stack. */
    char *memory = hf_reserve(NULL, size, hf_reserve_locked());
    if (!memory)
        return hf_error_sys(err, HOTFIX_MEMORY, "cannot map %zu bytes for stopping threads", size);
    if (mprotect(memory + GUARD_SIZE, size - GUARD_SIZE, PROT_READ | PROT_WRITE) != 0) {
        hf_error_sys(err, HOTFIX_MEMORY, "cannot map %zu bytes for stopping threads", size);
        munmap(memory, size);
        return -1;
    }

    madvise(memory, size, MADV_DONTFORK); /* of no use to a child that another thread forks meanwhile */
#ifdef HF_ASAN
    /* A killed helper may have left poisoned memory here. */
    __asan_unpoison_memory_region(memory, size);
#endif

    char *stack = memory + GUARD_SIZE;
    char *buffer = stack + STACK_SIZE;
    char *known = buffer + BUFFER_SIZE;
    struct hf_attempt *new = (void *)(known + KNOWN_SIZE);
    struct hf_thread *threads = (void *)(new + 1);
    new->memory = memory;
    new->memory_size = size;
    new->stack = stack;
    new->stack_size = STACK_SIZE;
    new->buffer = buffer;
    new->buffer_size = BUFFER_SIZE;
    new->known = (void *)known;
    new->threads = threads;
    new->thread_capacity = thread_capacity;
    new->regions = (void *)(threads + thread_capacity);
    new->region_capacity = regions;
    *attempt = new;
    return 0;
}

void hf_attempt_destroy(struct hf_attempt *attempt)
{
    if (attempt)
        munmap(attempt->memory, attempt->memory_size);
}

/* Does a thread wait while threads are stopped? Kernel threads do not, and the caller runs the action. */
static bool keeps_waiting(const struct hf_attempt *attempt)
{
    for (size_t i = 0; i < attempt->thread_count; i++) {
        uint32_t state = attempt->threads[i].state;
        if (state == HF_THREAD_LISTED || state == HF_THREAD_HELD || state == HF_THREAD_STOPPED)
            return true;
    }
    return false;
}

void hf_attempt_begin(struct hf_attempt *attempt)
{
    attempt->began = hf_raw_now();
    if (attempt->allowed && keeps_waiting(attempt))
        attempt->deadline = attempt->began + attempt->allowed;
}

int hf_attempt_late(struct hf_attempt *attempt)
{
    return hf_raw_now() > attempt->deadline ? hf_attempt_end(attempt, HF_OUTCOME_STUCK, 0) : 0;
}

static struct hf_thread *add(struct hf_attempt *attempt, pid_t tid)
{
    if (attempt->thread_count == attempt->thread_capacity)
        return NULL;
    struct hf_thread *thread = &attempt->threads[attempt->thread_count++];
    attempt->cursor = attempt->thread_count;
    attempt->known[tid / KNOWN_BITS] |= UINT64_C(1) << tid % KNOWN_BITS;
    thread->tid = tid;
    thread->state = HF_THREAD_GONE;
    thread->signal = 0;
    thread->settled = false;
    thread->running = true;
    thread->scanned = false;
    return thread;
}

struct hf_thread *hf_attempt_thread(struct hf_attempt *attempt, pid_t tid)
{
    if (tid <= 0 || tid >= TID_LIMIT)
        return NULL;
    if (!(attempt->known[tid / KNOWN_BITS] >> tid % KNOWN_BITS & 1))
        return add(attempt, tid);
    for (size_t i = 0; i < attempt->thread_count; i++) {
        size_t at = attempt->cursor + i;
        if (at >= attempt->thread_count)
            at -= attempt->thread_count;
        if (attempt->threads[at].tid == tid) {
            attempt->cursor = at + 1;
            return &attempt->threads[at];
        }
    }
    return NULL;
}

int hf_attempt_fail(struct hf_attempt *attempt, enum hf_outcome outcome, pid_t tid, const char *what, long error)
{
    attempt->outcome = outcome;
    attempt->tid = tid;
    attempt->what = what;
    attempt->error = error;
    return -1;
}

int hf_attempt_end(struct hf_attempt *attempt, enum hf_outcome outcome, pid_t tid)
{
    return hf_attempt_fail(attempt, outcome, tid, NULL, 0);
}

size_t hf_attempt_zone(const struct hf_attempt *attempt, const struct hf_thread *thread)
{
    const uintptr_t counters[] = {thread->regs.pc, thread->regs.pc_restart, hf_regs_link(&thread->regs)};
    size_t zone = HF_NO_ZONE;

    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]) && zone == HF_NO_ZONE; i++)
        zone = hf_zones_find(attempt->zones, counters[i]);
    return zone;
}
