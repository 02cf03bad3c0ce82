#include "h.h"
#ifndef FIXED
__attribute__((noinline)) int hook(int n)
{
    return n + 5;
}
#endif
int other(int n)
{
#ifdef FIXED
    return n > 100 ? n : n * 7;
#else
    return n * 7;
#endif
}
