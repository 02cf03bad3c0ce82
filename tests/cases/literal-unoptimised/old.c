static const long rates[4] = {10, 20, 30, 40};
static const char *const level = "round 17";
static const char *kept;
__attribute__((noinline)) void keep(long n)
{
    kept = n == 1 ? 0 : level;
}
long probe(long n)
{
    keep(n);
    if (kept == level)
        return rates[0];
    return rates[3];
}
