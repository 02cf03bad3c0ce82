/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Controls where the next library is mapped. For a mapping without a given address, the kernel takes the highest gap
 * that is large enough (or, in the legacy layout or when no other is left, the lowest). So during a dlopen the gaps
 * that the kernel must not take are reserved with PROT_NONE mappings. A hole is left within reach of the target.
 *
 * The gap below the main stack is never reserved, since the stack may have to grow into it at any time.
 */
#ifndef HF_PLACE_H
#define HF_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"

/* Where a mapping may lie: anywhere in [begin, end). */
struct hf_window {
    uintptr_t begin;
    uintptr_t end;
    uintptr_t target; /* holes below this address are preferred: a program's heap grows above it */
};

/* The window in which each byte is less than reach from every byte of [begin, end). */
struct hf_window hf_window_around(uintptr_t begin, uintptr_t end, uint64_t reach);

struct hf_reservation {
    void *address;
    size_t size;
};

struct hf_place {
    struct hf_reservation *reservations;
    size_t count;
    size_t capacity;
    bool locked; /* this process locks what it maps (process/reserve.h) */
};

/*
 * Reserves gaps so that the next mapping of `size` bytes lies in the window. This is not guaranteed: another thread may
 * take the hole first, so the caller checks the result and tries again. 1 and HOTFIX_STAGE when there is no hole or the
 * kernel does not use it; -1 on any other failure. After a failure nothing stays reserved.
 */
int hf_place_open(const struct hf_window *window, size_t size, struct hf_place *place, struct hotfix_error *err);

/*
 * Maps `size` bytes (whole pages) to be read and written in the window, in the gap nearest to its target. NULL:
 * HOTFIX_STAGE, HOTFIX_MEMORY. Release it with munmap().
 */
void *hf_place_map(const struct hf_window *window, size_t size, struct hotfix_error *err);

/* Releases the reservation. An empty one (all zeros) is fine. */
void hf_place_close(struct hf_place *place);

#endif
