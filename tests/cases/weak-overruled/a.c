#include "h.h"
__attribute__((weak, noinline)) int hook(int n)
{
    __asm__ volatile("nop; nop; nop; nop; nop");
#ifdef FIXED
    return n + 50;
#else
    return n + 40;
#endif
}
int go(int n)
{
    return hook(n) * 1;
}
