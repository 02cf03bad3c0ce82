#include "hf.h"
#include "h.h"
int main(int c,char**v){ int *code=calloc(4,4); setvbuf(stdout,0,_IONBF,0); run(code,1); printf("%ld\n",run(code,1)); hf_go(v[1]); printf("%ld\n",run(code,1)); return 0; }
