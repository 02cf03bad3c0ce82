#include "h.h"
__attribute__((noinline)) int hook(int n)
{
    return n + 5;
}
int other(int n)
{
    return n * 7;
}
