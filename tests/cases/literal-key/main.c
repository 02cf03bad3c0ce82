#include "hf.h"
#include "h.h"
int main(int c,char**v){ reg(); printf("%d\n",is(1)); hf_go(v[1]); printf("%d\n",is(1)); return 0; }
