void set(int);
int get(void);
