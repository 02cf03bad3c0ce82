#ifdef FIXED
int count = 5;
#else
extern int count;
#endif
__attribute__((noinline)) int look(void)
{
#ifdef FIXED
    return count + 1;
#else
    return count;
#endif
}
