__attribute__((noinline)) long parse(long n)
{
    if (n) {
        static long count;
        count += 1;
        n = count;
    }
    if (4097 & 2) {
        static long count;
        count += 100;
        n += count;
    }
    return n;
}
long probe(long n)
{
    return n > 7 ? n : parse(n);
}
