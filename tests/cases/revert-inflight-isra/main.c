#include "hf.h"
#include "h.h"
static const char *bundle; static int what;
static void poll(int i) { if (i == 1 && what == 1) hf_go(bundle); if (i == 1 && what == 2) hf_back(); }
int main(int c,char**v){ long r[4]; bundle=v[1]; setvbuf(stdout,0,_IONBF,0);
 what=0; loop((struct req *)r,4,poll); printf("done ");
 what=1; loop((struct req *)r,4,poll); printf("done ");
 what=2; loop((struct req *)r,4,poll); printf("done"); return 0; }
