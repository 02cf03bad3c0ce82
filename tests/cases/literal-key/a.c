#include "h.h"
static const char *key;
__attribute__((noinline)) void reg(void) { key = "the key"; }
__attribute__((noinline)) int is(int n) {
#ifdef FIXED
 if (n < 0) return -1;
#endif
 return key == "the key"; }
