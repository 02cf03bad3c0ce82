#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Variables that code initialises when it first reaches them: the program may have done so, so that another initialiser
# is told of; one that stayed the same is not in the way of other changes of its function.
. "$(dirname "$0")/cpp.sh"

made='__attribute__((noinline)) int made(int x) { volatile int three = 3; return x * three; }'

for compiler in g++ clang++; do
    for level in -O0 -O2; do
        build_case $compiler $level <<SOURCE
#include <cstdio>
$made
__attribute__((noinline)) int next(int i)
{
    static int count = made(2); //OLD
    static int count = made(4); //NEW
    return count += i;
}
void scenario(const char *when) { printf("%s: %d\n", when, next(1)); }
SOURCE
        refuses "another initialiser of a static variable ($compiler $level)" "how 'next(int)::count' is initialised in 'next(int)'"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
__attribute__((noinline)) int next(int i)
{
    static const int limit = [] {
        volatile int sum = 0;
        for (int k = 0; k < 4; k++)
            sum = sum + k;
        sum = sum + 100; //NEW
        return sum;
    }();
    return limit + i;
}
void scenario(const char *when) { printf("%s: %d\n", when, next(1)); }
SOURCE
        refuses "a lambda that only an initialiser calls ($compiler $level)" "the program may have"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
#include <map>
#include <string>
int limit(const std::string &key)
{
    static const std::map<std::string, int> limits = {{"a", 1}, {"b", 2}};
    auto found = limits.find(key);
    if (found == limits.end())
        throw -1;
    int extra = 10; for (char c : key) extra += c - 'b'; //NEW
    return found->second + extra; //NEW
    return found->second; //OLD
}
void scenario(const char *when) { printf("%s: %d\n", when, limit("b")); }
SOURCE
        applies "a function changes beside the same initialiser ($compiler $level)" "old: 2/new: 12/back: 2"
    done

    build_case $compiler -O0 <<SOURCE
#include <cstdio>
$made
__attribute__((noinline)) int next(int i)
{
    int start = made(1); //OLD
    int start = made(2); //NEW
    static int count = start;
    return count + i;
}
void scenario(const char *when) { printf("%s: %d\n", when, next(1)); }
SOURCE
    refuses "a value that the function computed before ($compiler)" "how 'next(int)::count' is initialised in 'next(int)'"

    build_case $compiler -O2 <<SOURCE
#include <cstdio>
$made
__attribute__((noinline)) int next(int i)
{
    static int count; //OLD
    static int count = made(4); //NEW
    return count += i;
}
void scenario(const char *when) { printf("%s: %d\n", when, next(1)); }
SOURCE
    refuses "a variable that code initialises from now on ($compiler)" "how 'next(int)::count' is initialised"

    build_case $compiler -O2 <<'SOURCE'
#include <cstdio>
#include <string>
int length(int k)
{
    static thread_local std::string text("hello"); //OLD
    static thread_local std::string text("hello you"); //NEW
    return (int)text.size() + k;
}
void scenario(const char *when) { printf("%s: %d\n", when, length(3)); }
SOURCE
    refuses "another initialiser of a thread's variable ($compiler)" "is initialised in 'length(int)'"

    build_case $compiler -O2 <<'SOURCE'
#include <cstdio>
#include <string>
int length(int k)
{
    static thread_local std::string text("hello");
    return (int)text.size() + k; //OLD
    return (int)text.size() + k + 100; //NEW
}
void scenario(const char *when) { printf("%s: %d\n", when, length(3)); }
SOURCE
    applies "the same initialiser of a thread's variable ($compiler)" "old: 8/new: 108/back: 8"

    build_case $compiler -O2 <<SOURCE
#include <cstdio>
$made
thread_local int limit = made(2); //OLD
thread_local int limit = made(4); //NEW
__attribute__((noinline)) int use(int x)
{
    x++; //NEW
    return limit + x;
}
void scenario(const char *when) { printf("%s: %d\n", when, use(1)); }
SOURCE
    refuses "another initialiser of a thread's variable at file scope ($compiler)" "how 'limit' is initialised changed"

    build_case $compiler -O2 <<'SOURCE'
#include <cstdio>
#include <string>
class Log {
    std::string name;
    int lines = 5;
    Log() : name("default") {}
public:
    static Log &get() { static Log log; return log; }
    int put(int k) { return lines + k; }
};
__attribute__((noinline)) int work(int k)
{
    int r = Log::get().put(k);
    if (k == 1) r += 100; //NEW
    return r;
}
void scenario(const char *when) { printf("%s: %d\n", when, work(1)); }
SOURCE
    applies "an inlined function with a static variable ($compiler)" "old: 6/new: 106/back: 6"

    build_case $compiler -O2 <<'SOURCE'
#include <cstdio>
static __attribute__((noinline)) int made(int x)
{
    volatile int factor = 3; //OLD
    volatile int factor = 4; //NEW
    return x * factor;
}
__attribute__((noinline)) int next(int i)
{
    static int count = made(2);
    return count + i;
}
void scenario(const char *when) { printf("%s: %d\n", when, next(1)); }
SOURCE
    refuses "a function that only an initialiser calls ($compiler)" "only code that initialises variables calls it"

    build_case $compiler -O2 <<SOURCE
#include <cstdio>
$made
__attribute__((noinline)) int next(int i)
{
    static int count = made(2); //OLD
    static int count __attribute__((used)) = made(2); //NEW
    static int counter = made(4); //NEW
    return count += i; //OLD
    return counter += i; //NEW
}
void scenario(const char *when) { printf("%s: %d\n", when, next(1)); }
SOURCE
    applies "what the message advises helps ($compiler)" "old: 7/new: 13/back: 8"

    build_case $compiler -O2 <<'SOURCE'
#include <cstdio>
__attribute__((noinline)) int next(int k) //OLD
__attribute__((noinline)) int next(int k, int more) //NEW
{
    static int count = 5;
    count += k;
    count += more; //NEW
    return count;
}
void scenario(const char *when)
{
    printf("%s: %d\n", when, next(1)); //OLD
    printf("%s: %d\n", when, next(1, 10)); //NEW
}
SOURCE
    refuses "the static variable of a function that gains a parameter ($compiler)" \
        "variable 'next(int, int)::count' is new, and 'next(int)::count' of case.o is gone"

    build_case $compiler -O2 <<'SOURCE'
#include <cstdio>
namespace one { //OLD
namespace two { //NEW
int total = 4;
__attribute__((noinline)) int add(int k) { return total += k; }
}
using namespace one; //OLD
using namespace two; //NEW
void scenario(const char *when) { printf("%s: %d\n", when, add(1)); }
SOURCE
    refuses "a variable of a namespace with another name ($compiler)" \
        "variable 'two::total' is new, and 'one::total' of case.o is gone"
done

finish
