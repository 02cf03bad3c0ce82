#include "h.h"
struct ops { int v; int (*f)(int); };
static int f1(int n) { return n + 1; }
#ifdef FIXED
static int f2(int n) { return n + 2; }
static const struct ops ops = { 5, f2 };
#else
static const struct ops ops = { 5, f1 };
#endif
static const struct ops *current;
__attribute__((noinline)) void start(void) { current = &ops; (void)f1; }
__attribute__((noinline)) int run(int n) { return current->f(n) + current->v - 5; }
