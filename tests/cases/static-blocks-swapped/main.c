#include "hf.h"
#include "h.h"
int main(int c,char**v){ int a=bump(0),b=bump(1); printf("%d %d\n",a,b); hf_go(v[1]); a=bump(0);b=bump(1); printf("%d %d\n",a,b); return 0; }
