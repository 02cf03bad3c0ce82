#include "hf.h"
int up(void), look(void); int main(int c,char**v){ up(); up(); printf("%d\n",look()); hf_go(v[1]); up(); printf("%d\n",look()); return 0; }
