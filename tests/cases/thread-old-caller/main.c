#include "hf.h"
#include "h.h"
static const char *bundle; static int step;
static void wait(void) { if (step == 1) hf_go(bundle); if (step == 2) hf_back(); }
int main(int c,char**v){ bundle=v[1]; setvbuf(stdout,0,_IONBF,0);
 printf("%ld ",caller(1,2,3,4,wait)); step=1; printf("%ld ",caller(1,2,3,4,wait)); step=0; printf("%ld ",caller(1,2,3,4,wait)); step=2; printf("%ld ",caller(1,2,3,4,wait)); step=0; printf("%ld\n",caller(1,2,3,4,wait)); return 0; }
