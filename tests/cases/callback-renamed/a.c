#include "h.h"
#ifdef FIXED
static int cb_new(int n) { return n * 20; }
__attribute__((noinline)) void reg(struct r *r) { r->f = cb_new; }
#else
static int cb_old(int n) { return n * 10; }
__attribute__((noinline)) void reg(struct r *r) { r->f = cb_old; }
#endif
