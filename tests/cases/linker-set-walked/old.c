#include "cmd.h"
long probe(long n)
{
    long s = 0;
    for (const struct cmd *c = __start_cmds; c < __stop_cmds; c++)
        s += n * c->k;
    return s;
}
