#include "h.h"
__attribute__((noinline)) int bump(int which)
{
#ifdef FIXED
    if (which == 1) { static int n; n += 1; if (n == 1) n = 100; return n; }
    if (which == 0) { static int n; return ++n; }
    return -5;
#else
    if (which == 0) { static int n; return ++n; }
    if (which == 1) { static int n; n += 1; if (n == 1) n = 100; return n; }
    return -1;
#endif
}
