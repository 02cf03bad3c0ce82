/* SPDX-License-Identifier: Apache-2.0 */
/* Runs while threads are stopped. May call: what raw.h has; nothing of libc. */
#include "stop/stacks.h"

#include <fcntl.h>

#include "process/raw.h"
#include "stop/parked.h"

enum { WORDS_PER_LOOK_AT_CLOCK = 32768 };

/* Reads /proc/self/maps a character at a time, from a buffer. */
struct maps {
    int fd;
    char *buffer;
    size_t size;
    size_t fill;
    size_t next;
};

/* The next character, -1 at the end. */
static int maps_char(struct maps *maps)
{
    if (maps->next == maps->fill) {
        long got = hf_raw3(SYS_read, maps->fd, maps->buffer, maps->size);
        if (got <= 0)
            return -1;
        maps->fill = (size_t)got;
        maps->next = 0;
    }
    return (unsigned char)maps->buffer[maps->next++];
}

/* A hexadecimal number and the character behind it, which is dropped. false at the end. */
static bool maps_number(struct maps *maps, uintptr_t *number)
{
    uintptr_t value = 0;

    for (;;) {
        int c = maps_char(maps);
        if (c < 0)
            return false;
        if (c >= '0' && c <= '9')
            value = value << 4 | (uintptr_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (uintptr_t)(c - 'a' + 10);
        else
            break;
    }
    *number = value;
    return true;
}

/* One line: its range, and whether it can be read and written. */
static bool maps_line(struct maps *maps, struct hf_region *region, bool *usable)
{
    if (!maps_number(maps, &region->begin) || !maps_number(maps, &region->end))
        return false;
    bool readable = maps_char(maps) == 'r';
    bool writable = maps_char(maps) == 'w';
    *usable = readable && writable;

    int c;
    while ((c = maps_char(maps)) != '\n') {
        if (c < 0)
            return false;
    }
    return true;
}

/* Lists the memory that stacks can be in; mappings that touch become one. */
static int read_regions(struct hf_attempt *attempt)
{
    long fd = hf_raw4(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return hf_attempt_fail(attempt, HF_OUTCOME_FAILED, 0, "open /proc/self/maps to find the stacks", fd);

    struct maps maps = {.fd = (int)fd, .buffer = attempt->buffer, .size = attempt->buffer_size};
    struct hf_region region;
    bool usable;
    size_t count = 0;
    int status = 0;
    while (status == 0 && maps_line(&maps, &region, &usable)) {
        if (!usable)
            continue;
        if (count > 0 && attempt->regions[count - 1].end == region.begin)
            attempt->regions[count - 1].end = region.end;
        else if (count < attempt->region_capacity)
            attempt->regions[count++] = region;
        else
            status = hf_attempt_end(attempt, HF_OUTCOME_FULL, 0);
    }
    attempt->region_count = count;
    hf_raw1(SYS_close, fd);
    return status;
}

/* The index of the first region that ends behind the address. */
static size_t region_index(const struct hf_attempt *attempt, uintptr_t address)
{
    size_t low = 0; /* regions below `low` end at or before the address */
    size_t high = attempt->region_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (attempt->regions[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct hf_region *region_of(const struct hf_attempt *attempt, uintptr_t address)
{
    size_t index = region_index(attempt, address);

    if (index == attempt->region_count || attempt->regions[index].begin > address)
        return NULL;
    return &attempt->regions[index];
}

/* The words to look at, and the lowest one among them that points between `from` and `to`. */
struct scan {
    uintptr_t begin;
    uintptr_t end;
    uintptr_t from;
    uintptr_t to;
    uintptr_t lowest;
};

HF_NO_SANITIZE static int scan_words(struct hf_attempt *attempt, pid_t tid, struct scan *scan)
{
    const uintptr_t *word = (const uintptr_t *)((scan->begin + sizeof(*word) - 1) / sizeof(*word) * sizeof(*word));
    const uintptr_t *end = (const uintptr_t *)scan->end;

    for (size_t i = 1; word < end; word++, i++) {
        uintptr_t value = hf_regs_return_address(*(const volatile uintptr_t *)word);
        if (value >= scan->from && value < scan->to && value < scan->lowest)
            scan->lowest = value;
        size_t zone = hf_zones_find(attempt->zones, value);
        if (zone != HF_NO_ZONE) {
            attempt->zone = zone;
            attempt->on_stack = true;
            return hf_attempt_end(attempt, HF_OUTCOME_INSIDE, tid);
        }
        if (i % WORDS_PER_LOOK_AT_CLOCK == 0 && hf_raw_now() > attempt->deadline)
            return hf_attempt_end(attempt, HF_OUTCOME_SLOW, tid);
    }
    return 0;
}

/* The memory that the C library, or the kernel for the first thread, gave the thread as its stack; NULL if not known.
 */
static const struct hf_region *own_stack(const struct hf_attempt *attempt, const struct hf_thread *thread,
                                         uintptr_t *end)
{
    bool first = thread->tid == attempt->pid;
    uintptr_t inside = first ? attempt->first_stack : thread->regs.tp;
    const struct hf_region *region = region_of(attempt, inside);

    if (region)
        *end = first ? region->end : inside;
    return region;
}

static uintptr_t below(const struct hf_region *region, uintptr_t sp)
{
    return sp - region->begin > HF_RED_ZONE ? sp - HF_RED_ZONE : region->begin;
}

/* The caller's frames below the given one belong to this library, not to the program. */
static uintptr_t scan_begin(const struct hf_region *region, const struct hf_thread *thread)
{
    return thread->state == HF_THREAD_CALLER ? thread->regs.sp : below(region, thread->regs.sp);
}

/* The registered stack that the address is in; its end is put in *end. false when there is none. */
static bool registered_end(uintptr_t address, uintptr_t *end)
{
    uintptr_t low;

    for (const struct hf_parked *stack = NULL; (stack = hf_parked_next(stack, &low, end));) {
        if (address >= low && address < *end)
            return true;
    }
    return false;
}

/* `at` holds the stack pointer and is not the thread's own stack, `own`, which may be NULL. */
static int scan_foreign(struct hf_attempt *attempt, const struct hf_thread *thread, const struct hf_region *at,
                        const struct hf_region *own, uintptr_t own_end)
{
    struct scan foreign = {.begin = scan_begin(at, thread), .end = at->end, .lowest = UINTPTR_MAX};
    uintptr_t end;

    if (registered_end(thread->regs.sp, &end))
        foreign.end = end < at->end ? end : at->end;
    else if (foreign.end - foreign.begin > HF_FOREIGN_STACK_MAX)
        foreign.end = foreign.begin + HF_FOREIGN_STACK_MAX;
    if (own) {
        foreign.from = own->begin;
        foreign.to = own_end;
    }
    if (scan_words(attempt, thread->tid, &foreign) != 0)
        return -1;
    if (!own)
        return 0;
    uintptr_t begin = foreign.lowest == UINTPTR_MAX ? own->begin : below(own, foreign.lowest);
    return scan_words(attempt, thread->tid, &(struct scan){.begin = begin, .end = own_end});
}

static int scan_registers(struct hf_attempt *attempt, const struct hf_thread *thread)
{
    uintptr_t begin = (uintptr_t)thread->regs.general;

    if (!attempt->request->registers || thread->state != HF_THREAD_STOPPED)
        return 0;
    return scan_words(attempt, thread->tid,
                      &(struct scan){.begin = begin, .end = begin + sizeof(thread->regs.general)});
}

static int scan_thread(struct hf_attempt *attempt, const struct hf_thread *thread)
{
    for (;;) {
        uintptr_t own_end = 0;
        const struct hf_region *at = region_of(attempt, thread->regs.sp);
        const struct hf_region *own = own_stack(attempt, thread, &own_end);

        if (attempt->regions_current || (thread->settled && !attempt->regions_doubted)) {
            /* The own stack of a living thread does not move, so older regions are still valid for it. */
            if (at && at == own && thread->regs.sp < own_end)
                return scan_words(attempt, thread->tid,
                                  &(struct scan){.begin = scan_begin(at, thread), .end = own_end});
        }
        if (attempt->regions_current)
            return at ? scan_foreign(attempt, thread, at, own, own_end) : 0;
        if (read_regions(attempt) != 0)
            return -1;
        attempt->regions_current = true;
        attempt->scanning = false;
    }
}

static bool is_on_a_stack(const struct hf_thread *thread)
{
    return thread->state == HF_THREAD_STOPPED || thread->state == HF_THREAD_CALLER;
}

/* Does a thread run on that stack, so that it was scanned from the stack pointer? */
static bool is_run_on(const struct hf_attempt *attempt, uintptr_t low, uintptr_t end)
{
    for (size_t i = 0; i < attempt->thread_count; i++) {
        const struct hf_thread *thread = &attempt->threads[i];
        if (is_on_a_stack(thread) && thread->regs.sp >= low && thread->regs.sp < end)
            return true;
    }
    return false;
}

/* Scans all mapped parts of a registered stack: only the program knows its stack pointer. */
static int scan_parked(struct hf_attempt *attempt, uintptr_t low, uintptr_t end)
{
    const struct hf_region *region = region_of(attempt, low);

    if (!attempt->regions_current && (attempt->regions_doubted || !region || region->end < end)) {
        if (read_regions(attempt) != 0)
            return -1;
        attempt->regions_current = true;
        attempt->scanning = false;
    }
    attempt->parked = low;
    for (size_t i = region_index(attempt, low); i < attempt->region_count; i++) {
        region = &attempt->regions[i];
        if (region->begin >= end)
            break;
        struct scan scan = {.begin = region->begin > low ? region->begin : low,
                            .end = region->end < end ? region->end : end};
        if (scan_words(attempt, 0, &scan) != 0)
            return -1;
    }
    return 0;
}

/* Scans the registered stacks that no thread runs on. */
static int scan_all_parked(struct hf_attempt *attempt)
{
    uintptr_t low;
    uintptr_t end;

    for (const struct hf_parked *stack = NULL; (stack = hf_parked_next(stack, &low, &end));) {
        if (!is_run_on(attempt, low, end) && scan_parked(attempt, low, end) != 0)
            return -1;
    }
    return 0;
}

int hf_stacks_prepare(struct hf_attempt *attempt)
{
    if (attempt->zones->count == 0 || attempt->regions_doubted)
        return 0;
    if (read_regions(attempt) != 0)
        return -1;
    for (size_t i = 0; i < attempt->thread_count; i++)
        attempt->threads[i].settled = true;
    return 0;
}

int hf_stacks_scan_early(struct hf_attempt *attempt, struct hf_thread *thread)
{
    uintptr_t own_end = 0;

    if (attempt->zones->count == 0 || attempt->request->registers || attempt->regions_doubted || !thread->settled ||
        thread->state != HF_THREAD_STOPPED)
        return 0;
    const struct hf_region *at = region_of(attempt, thread->regs.sp);
    if (!at || at != own_stack(attempt, thread, &own_end) || thread->regs.sp >= own_end)
        return 0;
    attempt->scanning = true;
    if (scan_words(attempt, thread->tid, &(struct scan){.begin = scan_begin(at, thread), .end = own_end}) != 0)
        return -1;
    attempt->scanning = false;
    thread->scanned = true;
    return 0;
}

int hf_stacks_scan(struct hf_attempt *attempt)
{
    if (attempt->zones->count == 0)
        return 0;
    attempt->regions_current = false;
    attempt->scanning = true;
    attempt->parked = 0;
    for (size_t i = 0; i < attempt->thread_count; i++) {
        const struct hf_thread *thread = &attempt->threads[i];
        if (!is_on_a_stack(thread) || thread->scanned)
            continue;
        if (scan_thread(attempt, thread) != 0 || scan_registers(attempt, thread) != 0)
            return -1;
    }
    if (scan_all_parked(attempt) != 0)
        return -1;
    attempt->scanning = false;
    return 0;
}
