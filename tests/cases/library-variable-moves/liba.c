#ifndef FIXED
int count = 5;
#else
extern int count;
#endif
__attribute__((noinline)) int up(void) { return ++count; }
