#include "h.h"
#ifndef FIXED
static int legacy(int n) { return n + 4; }
__attribute__((noinline)) fn find(int k) { return k == 1 ? legacy : 0; }
#else
static int modern(int n) { return n + 400; }
__attribute__((noinline)) fn find(int k) { return k == 1 ? modern : 0; }
#endif
