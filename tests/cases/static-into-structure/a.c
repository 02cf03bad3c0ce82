#include "h.h"
#ifdef FIXED
static struct {
    int count;
    int calls;
} all;
#define count all.count
#else
static int count;
#endif
__attribute__((noinline)) int bump(int n)
{
    count += n;
#ifdef FIXED
    all.calls++;
    return count + 9 + all.calls;
#else
    return count;
#endif
}
