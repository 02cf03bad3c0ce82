#include "h.h"
#ifndef FIXED
int tick(void);
__attribute__((noinline)) int tick(void) { static int n; return ++n; }
#endif
__attribute__((noinline)) int keep(void) { return 7; }
