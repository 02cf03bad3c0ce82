int bump(int);
