long bump(void);
