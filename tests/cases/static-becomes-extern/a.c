#include "h.h"
#ifdef FIXED
extern int count;
#else
static int count;
#endif
__attribute__((noinline)) int bump(int n)
{
    count += n;
#ifdef FIXED
    return count + 10;
#else
    return count;
#endif
}
