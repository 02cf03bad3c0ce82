#include "h.h"
#ifdef FIXED
int count;
#endif
int other(int n)
{
    return n * 7;
}
