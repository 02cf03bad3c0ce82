/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "process/maps.h"
#include "process/reserve.h"
#include "stage/place.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define MAP_ATTEMPTS   4                   /* on either side: another thread may take the hole first */
#define LOWEST_ADDRESS 65536               /* vm.mmap_min_addr as every distribution sets it */
#define USER_SPACE_END (UINT64_C(1) << 48) /* hints above it are needed to map there (arm64; x86-64: half of that) */

struct gap {
    uintptr_t begin;
    uintptr_t end;
    bool below_stack;
};

struct gaps {
    struct gap *list;
    size_t count;
    size_t capacity;
};

/* What is tried, in this order. Below first: a program's heap grows above it. */
struct attempt {
    bool above; /* the hole is above the target */
    bool all;   /* the gaps below the hole are reserved, too, for kernels that search upwards */
};

static const struct attempt attempts[] = {{false, false}, {false, true}, {true, false}, {true, true}};

static void gaps_cleanup(struct gaps *gaps)
{
    free(gaps->list);
}

struct hf_window hf_window_around(uintptr_t begin, uintptr_t end, uint64_t reach)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct hf_window window = {.target = begin};

    /* Whole pages: nothing else can be mapped or reserved. */
    window.begin = end > reach ? (end - reach + page - 1) & -page : 0;
    window.end = (begin < UINTPTR_MAX - reach ? begin + reach : UINTPTR_MAX) & -page;
    return window;
}

static int add_gap(struct gaps *gaps, uintptr_t begin, uintptr_t end, bool below_stack)
{
    if (gaps->count == gaps->capacity) {
        size_t capacity = gaps->capacity ? 2 * gaps->capacity : 64;
        struct gap *list = realloc(gaps->list, capacity * sizeof(*list));
        if (!list)
            return -1;
        gaps->list = list;
        gaps->capacity = capacity;
    }
    gaps->list[gaps->count++] = (struct gap){begin, end, below_stack};
    return 0;
}

/* What a walk along the mappings has found. */
struct walk {
    struct gaps *gaps;
    size_t size;    /* of the smallest gap that counts */
    uintptr_t last; /* the end of the mapping before */
};

static int visit_mapping(const struct hf_mapping *mapping, void *arg)
{
    struct walk *walk = arg;

    if (mapping->begin >= USER_SPACE_END)
        return 0;
    if (mapping->begin > walk->last && mapping->begin - walk->last >= walk->size &&
        add_gap(walk->gaps, walk->last, mapping->begin, mapping->stack) != 0) {
        errno = ENOMEM;
        return -1;
    }
    walk->last = mapping->end;
    return 0;
}

/* All gaps of at least size bytes below the highest mapping, ordered by address. */
static int read_gaps(size_t size, struct gaps *gaps, struct hotfix_error *err)
{
    struct walk walk = {.gaps = gaps, .size = size, .last = LOWEST_ADDRESS};

    if (hf_maps_each(visit_mapping, &walk) == 0)
        return 0;
    if (errno == ENOMEM)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    return hf_error_sys(err, HOTFIX_STAGE, "cannot read /proc/self/maps, which tells where the patch has room");
}

/*
 * Chooses the hole to leave: the part of a gap that lies in the window, nearest to the target on the wanted side. In
 * the gap below the stack only the bottom is used, as far as possible from where the stack grows.
 */
static bool choose_hole(const struct gaps *gaps, const struct hf_window *window, size_t size, bool above,
                        struct gap *hole)
{
    bool found = false;

    for (size_t i = 0; i < gaps->count && !(found && above); i++) {
        struct gap gap = gaps->list[i];
        if ((gap.begin >= window->target) != above)
            continue;
        if (gap.below_stack && gap.end - gap.begin < 4 * size)
            continue;
        gap.begin = gap.begin > window->begin ? gap.begin : window->begin;
        gap.end = gap.end < window->end ? gap.end : window->end;
        if (gap.begin >= gap.end || gap.end - gap.begin < size)
            continue;
        *hole = gap;
        found = true;
    }
    return found;
}

static void release(struct hf_place *place)
{
    while (place->count > 0) {
        place->count--;
        munmap(place->reservations[place->count].address, place->reservations[place->count].size);
    }
}

/* A failure to reserve is ignored: the library may still be mapped in the right place. */
static void reserve(struct hf_place *place, uintptr_t begin, uintptr_t end, size_t size)
{
    if (end <= begin || end - begin < size || place->count == place->capacity)
        return;

    void *got = hf_reserve((void *)begin, end - begin, place->locked);
    if (!got)
        return;
    madvise(got, end - begin, MADV_DONTFORK); /* a child forked meanwhile must not keep it */
    place->reservations[place->count++] = (struct hf_reservation){got, end - begin};
}

/* Reserves what is above the hole; with `all`, what is below it too. */
static void reserve_around(struct hf_place *place, const struct gaps *gaps, const struct gap *hole, size_t size,
                           bool all)
{
    for (size_t i = 0; i < gaps->count; i++) {
        const struct gap *gap = &gaps->list[i];
        if (gap->below_stack)
            continue;
        if (gap->end <= hole->begin) {
            if (all)
                reserve(place, gap->begin, gap->end, size);
        } else if (gap->begin >= hole->end) {
            reserve(place, gap->begin, gap->end, size);
        } else {
            if (all)
                reserve(place, gap->begin, hole->begin, size);
            reserve(place, hole->end, gap->end, size);
        }
    }
}

/* Asks the kernel where the next mapping would go. */
static bool lands_inside(const struct hf_window *window, size_t size)
{
    void *probe = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (probe == MAP_FAILED)
        return false;
    munmap(probe, size);
    return (uintptr_t)probe >= window->begin && (uintptr_t)probe + size <= window->end;
}

/* 1 when there is no hole or the kernel did not take it: then *hole says which. */
static int try_place(const struct hf_window *window, size_t size, const struct attempt *attempt, struct hf_place *place,
                     struct gap *hole, struct hotfix_error *err)
{
    __attribute__((cleanup(gaps_cleanup))) struct gaps gaps = {0};
    if (read_gaps(size, &gaps, err) != 0)
        return -1;
    if (!choose_hole(&gaps, window, size, attempt->above, hole))
        return 1;

    size_t capacity = 2 * gaps.count;
    struct hf_reservation *reservations = realloc(place->reservations, capacity * sizeof(*reservations));
    if (!reservations)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    place->reservations = reservations;
    place->capacity = capacity;

    reserve_around(place, &gaps, hole, size, attempt->all || hole->below_stack);
    if (lands_inside(window, size))
        return 0;
    release(place);
    return 1;
}

int hf_place_open(const struct hf_window *window, size_t size, struct hf_place *place, struct hotfix_error *err)
{
    *place = (struct hf_place){0};
    if (lands_inside(window, size)) /* as usually next to a library: nothing to reserve */
        return 0;

    place->locked = hf_reserve_locked();
    struct gap hole = {0};
    int status = 1;
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]) && status > 0; i++)
        status = try_place(window, size, &attempts[i], place, &hole, err);
    if (status == 0)
        return 0;
    hf_place_close(place);
    if (status < 0)
        return -1;
    if (hole.end == 0)
        hf_error(err, HOTFIX_STAGE,
                 "no gap of %zu KiB is free in the address space near the target, between %#zx and %#zx", size / 1024,
                 (size_t)window->begin, (size_t)window->end);
    else
        hf_error(err, HOTFIX_STAGE,
                 "the kernel did not map %zu KiB near the target although there is a gap at %#zx; a limit on "
                 "address space (RLIMIT_AS) can be the reason, one on locked memory (RLIMIT_MEMLOCK) where all is "
                 "locked (mlockall), or its legacy layout, which on arm64 comes with an unlimited stack (ulimit -s)",
                 size / 1024, (size_t)hole.begin);
    return 1;
}

void *hf_place_map(const struct hf_window *window, size_t size, struct hotfix_error *err)
{
    for (unsigned attempt = 0; attempt < 2 * MAP_ATTEMPTS; attempt++) {
        __attribute__((cleanup(gaps_cleanup))) struct gaps gaps = {0};
        struct gap hole;
        bool above = attempt >= MAP_ATTEMPTS;
        if (read_gaps(size, &gaps, err) != 0)
            return NULL;
        if (!choose_hole(&gaps, window, size, above, &hole))
            continue;
        void *wanted = (void *)(above ? hole.begin : hole.end - size);
        void *got =
            mmap(wanted, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (got == wanted)
            return got;
        if (got != MAP_FAILED)
            munmap(got, size);
    }
    hf_error(err, HOTFIX_STAGE, "no gap of %zu KiB is free in the address space, or may be used, between %#zx and %#zx",
             size / 1024, (size_t)window->begin, (size_t)window->end);
    return NULL;
}

void hf_place_close(struct hf_place *place)
{
    release(place);
    free(place->reservations);
    *place = (struct hf_place){0};
}
