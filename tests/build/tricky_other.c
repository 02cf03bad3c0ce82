/* SPDX-License-Identifier: Apache-2.0 */
#include "tricky.h"

#ifdef FIXED
#define STEP 100
#else
#define STEP 1
#endif

/* The names of tricky.c, in another file. */
static int state = 7;

__attribute__((noinline)) static int tail_end(int value)
{
    state += value;
    return state * STEP;
}

int across_back(int value)
{
    return value > 3 ? value : across(tail_end(value)) + 1;
}

#ifdef FIXED
static
#endif
    __attribute__((noinline)) int
    other_linkage(int value)
{
    return value * STEP + state;
}

int uses_static(int value)
{
    return other_linkage(value);
}
