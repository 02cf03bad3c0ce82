static long last;
__attribute__((noinline)) static long weigh(long a, long b)
{
    last += a;
    return last * 10 + b;
}
__attribute__((noinline)) long probe(long n)
{
    last = 0;
    return weigh(n, 3);
}
