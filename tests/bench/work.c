/* SPDX-License-Identifier: Apache-2.0 */
/* A small function with another constant in the patch, so that both versions cost the same and tell themselves apart.
 */
#include "work.h"

#ifndef BENCH_SALT
#define BENCH_SALT 1u
#endif

unsigned bench_work(unsigned x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    return x + BENCH_SALT;
}
