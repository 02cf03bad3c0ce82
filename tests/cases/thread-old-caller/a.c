#include "h.h"
static __attribute__((noinline)) long mix(long a, long b, long c, long unused) {
#ifdef FIXED
 (void)c; return a * 100 + unused * 10 + b;
#else
 (void)unused; return a * 100 + b * 10 + c;
#endif
}
__attribute__((noinline)) long caller(long a, long b, long c, long d, void (*wait)(void)) {
    wait();
    long r = mix(a, b, c, d);
#ifdef FIXED
    return r;
#else
    return r;
#endif
}
