#include <stdio.h>
#include "h.h"
struct req { long id; long a; long b; long c; };
static __attribute__((noinline)) long handle(struct req *r)
{
#ifdef FIXED
    return r->id * 1000 - r->b;
#else
    return r->a * 1000 + r->c;
#endif
}
__attribute__((noinline)) long loop(struct req *r, int n, void (*poll)(int))
{
    long sum = 0;
    for (int i = 0; i < n; i++) {
        r->id = i + 1; r->a = 10 + i; r->b = 20 + i; r->c = 30 + i;
        long h = handle(r);
#ifdef FIXED
        if (h != r->id * 1000 - r->b) { printf("BAD new "); }
#else
        if (h != r->a * 1000 + r->c) { printf("BAD old "); }
#endif
        sum += h;
        poll(i);
    }
    return sum;
}
