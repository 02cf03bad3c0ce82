static long last;
__attribute__((noinline)) static long weigh(long more, long a, long b)
{
    last += a;
    return last * 10 + b + more;
}
__attribute__((noinline)) long probe(long n)
{
    last = 0;
    return weigh(5, n, 3);
}
