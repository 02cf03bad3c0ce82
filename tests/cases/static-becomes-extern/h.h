int bump(int);
int other(int);
