#include "h.h"
static int mode = 1;
__attribute__((noinline)) void set(int n) {
#ifndef FIXED
 mode = n;
#else
 (void)n;
#endif
}
__attribute__((noinline)) int get(void) {
#ifdef FIXED
 return mode + 100;
#else
 return mode;
#endif
}
