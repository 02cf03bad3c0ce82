long run(int *, long);
