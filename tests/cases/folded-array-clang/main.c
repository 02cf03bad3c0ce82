#include "hf.h"
#include "h.h"
int main(int c,char**v){ put(2,7); printf("%d\n",get(2)); hf_go(v[1]); printf("%d\n",get(2)); return 0; }
