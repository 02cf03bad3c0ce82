#include "h.h"
static int slots[4] = { 1, 2, 3, 4 };
__attribute__((noinline)) void put(int i, int n) {
#ifdef FIXED
 (void)i; (void)n;
#else
 slots[i & 3] = n;
#endif
}
__attribute__((noinline)) int get(int i) { return slots[i & 3]
#ifdef FIXED
 + 100
#endif
 ; }
