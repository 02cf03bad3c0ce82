#include "hf.h"
#include "h.h"
int main(int c,char**v){ start(); printf("%d\n",run(0)); hf_go(v[1]); printf("%d\n",run(0)); return 0; }
