/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address space that nobody may read or write. In a process that locks all memory when it is mapped (mlockall(2) with
 * MCL_FUTURE), the kernel counts even such space against RLIMIT_MEMLOCK. So there one page is mapped and unlocked
 * first, and then enlarged, since an enlarged mapping keeps its attributes.
 */
#ifndef HF_RESERVE_H
#define HF_RESERVE_H

#include <stdbool.h>
#include <stddef.h>

/* Does this process lock new mappings at once? False if /proc does not say so. */
bool hf_reserve_locked(void);

/*
 * Maps `size` bytes (whole pages) without any access, at `wanted` or, when that is NULL, anywhere; `locked` is what the
 * function above says. NULL with errno, also when something is mapped there. Release it with munmap().
 */
void *hf_reserve(void *wanted, size_t size, bool locked);

#endif
