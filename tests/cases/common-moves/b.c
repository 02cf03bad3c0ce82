#include "h.h"
extern int shared; __attribute__((noinline)) void put(int n) { shared = n; }
