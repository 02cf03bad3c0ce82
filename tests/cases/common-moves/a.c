#include "h.h"
#ifdef FIXED
int shared = 1;
#else
int shared;
#endif
__attribute__((noinline)) int get(void) {
#ifdef FIXED
 return shared + 11;
#else
 return shared;
#endif
}
