void put(int, int);
int get(int);
