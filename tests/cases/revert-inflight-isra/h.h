struct req;
long loop(struct req *r, int n, void (*poll)(int));
