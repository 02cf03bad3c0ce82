#include "hf.h"
#include "h.h"
int main(int c,char**v){ struct r r; reg(&r); printf("%d\n",r.f(1)); hf_go(v[1]); printf("%d\n",r.f(1)); return 0; }
