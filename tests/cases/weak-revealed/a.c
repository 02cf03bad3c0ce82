#include "h.h"
__attribute__((weak, noinline)) int hook(int n)
{
    return n + 40;
}
int go(int n)
{
    return hook(n) * 1;
}
