#include "h.h"
__attribute__((noinline)) int hook(int n)
{
    __asm__ volatile("nop; nop; nop; nop; nop");
    return n + 5;
}
int other(int n)
{
    return n * 7;
}
