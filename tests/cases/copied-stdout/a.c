#include "h.h"
#include <stdio.h>
__attribute__((noinline)) int go(int n)
{
    __asm__ volatile("nop; nop; nop; nop; nop");
#ifdef FIXED
    fprintf(stdout, "%d!\n", n);
#endif
    return n;
}
