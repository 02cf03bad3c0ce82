/* SPDX-License-Identifier: Apache-2.0 */
/* VERSION is 0 as released; each patch has another. */
#include "reload.h"

#ifndef VERSION
#define VERSION 0
#endif

static int served;

int serve(const int **local, const int **global)
{
    static int calls;

    *local = &calls;
    *global = &served;
    served += 100;
    calls += 1;
    return served + calls * 10 + VERSION;
}

__attribute__((noinline)) int traced(int n, void (*look)(void))
{
    volatile int sum = n * 2;

    look();
    return sum + VERSION;
}
