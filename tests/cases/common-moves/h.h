void put(int);
int get(void);
