#include "hf.h"
#include "h.h"
int main(int c,char**v){ printf("%ld\n",bump()); hf_go(v[1]); printf("%ld\n",bump()); return 0; }
