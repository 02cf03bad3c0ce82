struct r {
    int (*f)(int);
};
void reg(struct r *);
