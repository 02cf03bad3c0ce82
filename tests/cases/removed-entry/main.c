#include "hf.h"
#include "h.h"
int main(int c,char**v){ fn f=find(1); printf("%d\n",f(1)); hf_go(v[1]); printf("%d\n",f(1)); return 0; }
