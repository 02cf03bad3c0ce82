#include "hf.h"
#include "h.h"
int main(int c,char**v){ keep(); other(); int a=tick(); printf("%d %d\n",a,tick()); hf_go(v[1]); printf("%d\n",tick()); return 0; }
