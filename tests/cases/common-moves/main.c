#include "hf.h"
#include "h.h"
int main(int c,char**v){ put(3); printf("%d\n",get()); hf_go(v[1]); printf("%d\n",get()); return 0; }
