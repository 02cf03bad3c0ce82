#include <cstdio>
static int calls;
namespace shop {
static int orders = 100;
__attribute__((noinline)) int count() { return ++orders; } //OLD
__attribute__((noinline)) int count() { asm volatile("nop"); return calls + ++orders - calls; } //NEW
}
__attribute__((noinline)) int count() { return ++calls; } //OLD
__attribute__((noinline)) int count() { calls += shop::orders > 0; return calls + 1; } //NEW
void scenario(const char *when)
{
    int first = count(), second = shop::count();
    printf("%s: %d %d\n", when, first, second);
}
