long caller(long, long, long, long, void (*)(void));
