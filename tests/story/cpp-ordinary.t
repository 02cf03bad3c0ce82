#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fixes of C++ that look unusual to who compares object files, and are ordinary ones.
. "$(dirname "$0")/cpp.sh"

# Assemblers take a jump of two bytes to a function of the same section, and one of five to another section.
LINK=program
build_case g++ -O2 <<'SOURCE'
#include <cstdio>
#include <stdexcept>
__attribute__((noinline)) int risky(int x) { if (x > 100) throw std::runtime_error("x"); return x; }
__attribute__((noinline)) int forward(int x)
{
    return risky(x); //OLD
    return risky(x * 2); //NEW
}
__attribute__((noinline)) int caller(int x) { int r = forward(x); asm(""); return r; }
void scenario(const char *when) { printf("%s: %d\n", when, caller(4)); }
SOURCE
applies "a function that is shorter in the target than in its object: its callers are replaced" "old: 4/new: 8/back: 4"

LINK=library
build_case g++ -O2 <<'SOURCE'
#include <cstdio>
struct V { long v; V(long x); virtual ~V(); virtual long get() { return v; } };
V::V(long x) : v(x) { printf(" "); }
V::~V() { printf("~"); }
struct L : virtual V { long l; L(); long get() override { return v + l; } };
struct D : L { long d; D(); };
__attribute__((noinline)) L::L() : V(1), l(10) { printf(" "); }
D::D() : V(1), d(3)
{
    d += 3000; //NEW
    printf(" ");
}
void scenario(const char *when)
{
    D *made = new D;
    V *v = made;
    asm("" : "+r"(v));
    printf("%s: %ld %ld", when, v->get(), made->d);
    delete made;
    printf("\n");
}
SOURCE
applies "a constructor that uses construction vtables of a library" "   old: 11 3~/   new: 11 3003~/   back: 11 3~"

LINK=program
for level in -O0 -O2; do
    build_case g++ $level <<'SOURCE'
#include <cstdio>
int (*handlers[2])(int);
__attribute__((noinline)) void setup()
{
    handlers[0] = [](int x) {
        static int count = 0;
        count += x; //OLD
        count += x * 10; //NEW
        return count;
    };
    handlers[1] = [](int x) { static long count = 0; count += x; return (int)count; };
}
void scenario(const char *when)
{
    if (!handlers[0]) setup();
    printf("%s: %d %d\n", when, handlers[0](1), handlers[1](1));
}
SOURCE
    applies "the static variable of a lambda keeps its state ($level)" "old: 1 1/new: 11 2/back: 12 3"

    build_case g++ $level <<'SOURCE'
#include <cstdio>
int (*handlers[2])(int);
__attribute__((noinline)) void setup()
{
    handlers[0] = [](int x) {
        static int count = 0; //OLD
        static float count = 0; //NEW
        count += x;
        return (int)count;
    };
    handlers[1] = [](int x) { static int count = 0; count += x; return count; };
}
void scenario(const char *when)
{
    if (!handlers[0]) setup();
    printf("%s: %d %d\n", when, handlers[0](1), handlers[1](1));
}
SOURCE
    refuses "the static variable of a lambda has another type ($level)" "count"

    build_case g++ $level <<'SOURCE'
#include <cstdio>
__attribute__((noinline)) int run(int in_block)
{
    if (in_block) {
        static int count = 10;
        ++count;
        printf("+"); //NEW
        return count;
    }
    static int count = 20;
    return ++count;
}
void scenario(const char *when) { int a = run(1), b = run(0); printf("%s: %d %d\n", when, a, b); }
SOURCE
    applies "static variables of one name that begin with a value each ($level)" "old: 11 21/+new: 12 22/back: 13 23"

    build_case g++ $level <<'SOURCE'
#include <cstdio>
__attribute__((noinline)) int run(int first)
{
    if (!first) { static int count = 20; return ++count; } //NEW
    if (first) { static int count = 10; return ++count; }
    if (!first) { static int count = 20; return ++count; } //OLD
    return 0;
}
void scenario(const char *when) { int a = run(1), b = run(0); printf("%s: %d %d\n", when, a, b); }
SOURCE
    refuses "blocks with static variables of one name changed places ($level)" "cannot tell which of the old static variables"
done

build_case g++ -O2 <<'SOURCE'
#include <cstdio>
#include <string>
struct Failure { std::string what; int code; };
__attribute__((noinline)) int work(int x)
{
    if (x > 3) throw x; //OLD
    if (x > 3) throw Failure{"oops", x * 10}; //NEW
    return x;
}
__attribute__((noinline)) std::string outer(int x)
{
    try { work(x); }
    catch (int e) { return std::to_string(e); }
    catch (const Failure &e) { return e.what + " " + std::to_string(e.code); } //NEW
    return "";
}
void scenario(const char *when) { printf("%s: %s\n", when, outer(4).c_str()); }
SOURCE
applies "a new class without a constructor of its own, that holds a string" "old: 4/new: oops 40/back: 4"

build_case g++ -O2 <<'SOURCE'
#include <cstdio>
struct Failure { int code; };
extern void *last;
void *last;
__attribute__((noinline)) int code(int x)
{
    return last ? x : 0; //OLD
    const Failure *failure = static_cast<const Failure *>(last); //NEW
    return failure ? failure->code : x; //NEW
}
void scenario(const char *when) { printf("%s: %d\n", when, when[0] == 'o' ? code(1) : 0); }
SOURCE
refuses "a class of plain data that the target does not tell of" "Failure: no debug information of the target tells of it"

finish
