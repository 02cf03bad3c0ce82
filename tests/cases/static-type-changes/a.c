#include "h.h"
__attribute__((noinline)) long bump(void) {
#ifdef FIXED
 static long n = 1; n += 2; return n;
#else
 static int n = 1; n += 1; return n;
#endif
}
