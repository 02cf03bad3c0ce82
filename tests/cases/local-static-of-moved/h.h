int tick(void);
int keep(void);
int other(void);
