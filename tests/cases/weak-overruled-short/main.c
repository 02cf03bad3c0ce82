#include "h.h"
#include "hf.h"
int main(int argc, char **argv)
{
    (void)argc;
    printf("%d\n", go(2) + other(0));
    hf_go(argv[1]);
    printf("%d\n", go(2) + other(0));
    return 0;
}
