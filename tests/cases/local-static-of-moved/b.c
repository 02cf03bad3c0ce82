#include "h.h"
#ifdef FIXED
__attribute__((noinline)) int tick(void) { static int n; return ++n + 10; }
#endif
__attribute__((noinline)) int other(void) { return 8; }
