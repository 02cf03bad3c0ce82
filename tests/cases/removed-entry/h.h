typedef int (*fn)(int);
fn find(int);
