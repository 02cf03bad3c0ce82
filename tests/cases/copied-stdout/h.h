int go(int);
