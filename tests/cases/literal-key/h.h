void reg(void);
int is(int);
