#include <stdlib.h>
#include "h.h"
__attribute__((noinline)) long run(int *code, long acc)
{
    static const int table[] = { 0, &&add - &&base, &&stop - &&base };
    if (!code[0]) { code[0] = table[1]; code[1] = table[2]; return 0; }
    int pc = 0;
#ifdef FIXED
    long extra[4] = { acc, acc * 2, acc * 3, 7 };
    acc += extra[acc & 3];
#endif
base:
    goto *(&&base + code[pc++]);
add:
    acc += 5;
    goto *(&&base + code[pc++]);
stop:
    return acc;
}
