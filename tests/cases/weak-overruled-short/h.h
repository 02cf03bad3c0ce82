int go(int);
int hook(int);
int other(int);
