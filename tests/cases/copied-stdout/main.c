#include "h.h"
#include "hf.h"
int main(int argc, char **argv)
{
    (void)argc;
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("%d\n", go(1));
    hf_go(argv[1]);
    go(1);
    return 0;
}
