#include "h.h"
#include "hf.h"
int main(int argc, char **argv)
{
    (void)argc;
    printf("%d\n", bump(3));
    hf_go(argv[1]);
    printf("%d\n", bump(1));
    return 0;
}
