#include "h.h"
__attribute__((noinline)) int bump(int which)
{
#ifndef FIXED
    if (which == 0) { static int n; return ++n; }
#endif
    if (which == 1) { static int n; if (!n) n = 49; return ++n; }
    return -7;
}
