#include "h.h"
#ifdef FIXED
static int counter;
__attribute__((noinline)) int bump(int n)
{
    counter += n;
    return counter + 10;
}
#else
static int count;
__attribute__((noinline)) int bump(int n)
{
    count += n;
    return count;
}
#endif
