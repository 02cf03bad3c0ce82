/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address space that nobody may read or write. In a process that locks all memory as it maps it (mlockall(2) with
 * MCL_FUTURE), the kernel counts even that against RLIMIT_MEMLOCK. So there a page is mapped and unlocked first, and
 * then made as large as is wanted, since what grows keeps what it is.
 */
#ifndef HF_RESERVE_H
#define HF_RESERVE_H

#include <stdbool.h>
#include <stddef.h>

/* Is what this process maps locked at once? False where /proc does not say so. */
bool hf_reserve_locked(void);

/*
 * Maps `size` bytes (whole pages) without any access, at `wanted` or, when that is NULL, anywhere; `locked` is what the
 * function above says. NULL with errno, also when something is mapped there. To be given back with munmap().
 */
void *hf_reserve(void *wanted, size_t size, bool locked);

#endif
