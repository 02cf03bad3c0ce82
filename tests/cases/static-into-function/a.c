#include "h.h"
#ifdef FIXED
__attribute__((noinline)) int bump(int n)
{
    static int count = 0;
    count += n;
    return count + 10;
}
#else
static int count = 0;
__attribute__((noinline)) int bump(int n)
{
    count += n;
    return count;
}
#endif
