void start(void);
int run(int);
