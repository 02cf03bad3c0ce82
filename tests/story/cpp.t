#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# C++: what changed in classes is refused with the name of what changed, and what did not change is not in the way.
. "$(dirname "$0")/cpp.sh"

for compiler in g++ clang++; do
    for level in -O0 -O2; do
        build_case $compiler $level <<'SOURCE'
#include <cstdio>
namespace app {
struct Base {
    int a = 1;
    int inserted = 5; //NEW
    int b = 2;
};
struct Conf : Base { int c = 3; __attribute__((noinline)) int sum() const; };
int Conf::sum() const { return a + b + c; }
}
app::Conf conf;
void scenario(const char *when) { printf("%s: %d\n", when, conf.sum()); }
SOURCE
        refuses "a member of a base class in a namespace ($compiler $level)" \
            "the layout of 'struct app::Base' changed, and the program may hold objects of it: member 'inserted' is new"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
struct One { long one = 1; }; struct Two { long two = 2; };
struct Both : One, Two { long sum() const; }; //OLD
struct Both : Two, One { long sum() const; }; //NEW
__attribute__((noinline)) long Both::sum() const { return one * 10 + two; }
Both both;
void scenario(const char *when) { printf("%s: %ld\n", when, both.sum()); }
SOURCE
        refuses "base classes that changed places ($compiler $level)" \
            "the layout of 'struct Both' changed, and the program may hold objects of it: base class One is at 0, in the patch at 8"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
struct Shape {
    virtual ~Shape() {}
    virtual int wipe(int x) { return -x; } //NEW
    virtual int area(int x) { return x * x; }
};
Shape shape;
__attribute__((noinline)) int use(Shape *s, int x) { return s->area(x); }
void scenario(const char *when) { printf("%s: %d\n", when, use(&shape, 5)); }
SOURCE
        refuses "a virtual method in front of others ($compiler $level)" \
            "the layout of 'struct Shape' changed, and the program may hold objects of it: virtual method wipe() is new at slot 2"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
namespace one { struct Pair { long a, b; }; enum class Color { RED, BLUE }; }
namespace two { struct Pair { long b, a; }; }
using one::Pair; //OLD
using two::Pair; //NEW
__attribute__((noinline)) Pair make(long x)
{
    Pair p; //OLD
    Pair p{}; //NEW
    p.a = x; p.b = x * 2;
    return p;
}
void scenario(const char *when) { one::Pair p{0, 0}; two::Pair q{0, 0}; Pair r = make(3); printf("%s: %ld\n", when, r.a + p.a + q.a); }
SOURCE
        [ "$(grep -c '^new .*make(long): function' "$OUT")" = 1 ]
        result $? "a result of the same last name in another namespace is another prototype ($compiler $level)" \
            || diagnose <"$OUT"
        applies "what calls the function is replaced with it ($compiler $level)" "old: 3/new: 3/back: 3"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
struct Pair {
    int a, b;
    Pair(int x, int y) : a(x), b(y) {}
    Pair(const Pair &other) : a(other.a), b(other.b) {} //NEW
};
__attribute__((noinline)) int use(Pair p) { return p.a < 0 ? 0 : p.a * 10 + p.b; }
__attribute__((noinline)) int call(int x) { int r = use(Pair(x, 2)); asm(""); return r; }
void scenario(const char *when) { printf("%s: %d\n", when, call(1)); }
SOURCE
        [ "$(grep -c '^new .*use(Pair): function' "$OUT")" = 1 ]
        result $? "a class that is handed over by address from now on makes another prototype ($compiler $level)" \
            || diagnose <"$OUT"
        applies "old callers go on with the old function ($compiler $level)" "old: 12/new: 12/back: 12"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
struct Holder {
    int a;
    ~Holder() { a = 0; } //NEW
};
__attribute__((noinline)) int use(Holder h) { return h.a < 0 ? 0 : h.a; }
int (*registered)(Holder);
__attribute__((noinline)) int call(int x) { return registered(Holder{x}); }
void scenario(const char *when) { registered = use; printf("%s: %d\n", when, call(1)); }
SOURCE
        refuses "the same, where pointers to the function live on ($compiler $level)" \
            "the prototype of 'use(Holder)' changed, and"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
namespace app {
struct Paint {
    enum class Color { RED, BLUE }; //OLD
    enum class Color { GREEN, RED, BLUE }; //NEW
    Color color;
    __attribute__((noinline)) int code() const;
};
int Paint::code() const
{
    return color == Color::BLUE ? 7 : 1; //OLD
    return color == Color::BLUE ? 70 : 10; //NEW
}
}
app::Paint paint{app::Paint::Color::BLUE};
void scenario(const char *when) { printf("%s: %d\n", when, paint.code()); }
SOURCE
        refuses "another value of an enumerator of a class ($compiler $level)" "initial value changed"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
#include <cstdlib>
namespace app {
struct Paint {
    enum class Color { RED, BLUE }; //OLD
    enum class Color { GREEN, RED, BLUE }; //NEW
    Color color;
    __attribute__((noinline)) int code() const;
};
__attribute__((noinline)) void set(Paint &p, int c) { p.color = (Paint::Color)c; }
int Paint::code() const
{
    return color == Color::BLUE ? 7 : 1; //OLD
    return color == Color::BLUE ? 70 : 10; //NEW
}
}
app::Paint paint;
void scenario(const char *when) { app::set(paint, 1); printf("%s: %d\n", when, paint.code()); }
SOURCE
        refuses "the same, where no initial value tells ($compiler $level)" "enumerator RED is 0, in the patch 1"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
struct I { long p = 1; virtual ~I() {} };
struct V : virtual I { long q = 2; };
V v;
__attribute__((noinline)) long f(long x) {
    return x + v.q; //OLD
    return x * 100 + v.q; //NEW
}
void scenario(const char *when) { printf("%s: %ld\n", when, f(3)); }
SOURCE
        applies "a class with a virtual base that did not change ($compiler $level)" "old: 5/new: 302/back: 5"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
int (*handlers[8])(int);
int count, calls;
__attribute__((noinline)) void setup()
{
    handlers[count++] = [](int x) { calls += 1; return x > 100 ? -403 : x; }; //NEW
    handlers[count++] = [](int x) { calls += 10; return x * 2; };
    handlers[count++] = [](int x) { calls += 100; return x + 7; };
}
void scenario(const char *when) { if (!count) setup(); printf("%s: %d\n", when, handlers[0](50)); }
SOURCE
        refuses "a lambda in front of others ($compiler $level)" "callbacks of the old ones may be registered"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
int (*handlers[8])(int);
int count, calls;
__attribute__((noinline)) void setup()
{
    handlers[count++] = [](int x) { calls += 10; return x * 2; };
    handlers[count++] = [](int x) { calls += 100; return x + 7; }; //OLD
    handlers[count++] = [](int x) { calls += 100; return x + 9; }; //NEW
    handlers[count++] = [](int x) { calls += 1; return x > 100 ? -403 : x; }; //NEW
}
void scenario(const char *when)
{
    if (!count)
        setup();
    printf("%s: %d %d\n", when, handlers[0](50), handlers[1](50));
}
SOURCE
        refuses "a lambda that changed, and one behind it ($compiler $level)" "callbacks of the old ones may be registered"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
int (*handlers[8])(int);
int count, calls;
__attribute__((noinline)) void setup()
{
    handlers[count++] = [](int x) { calls += 10; return x * 2; };
    handlers[count++] = [](int x) { calls += 100; return x + 7; }; //OLD
    handlers[count++] = [](int x) { calls += 100; return x + 9; }; //NEW
}
void scenario(const char *when)
{
    if (!count)
        setup();
    printf("%s: %d %d\n", when, handlers[0](50), handlers[1](50));
}
SOURCE
        applies "the body of one lambda ($compiler $level)" "old: 100 57/new: 100 59/back: 100 57"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
#include <functional>
std::function<int(int)> hook;
int base = 4;
__attribute__((noinline)) void setup(int k, int m)
{
    hook = [k](int x) { return x * k + base; }; //OLD
    hook = [m, k](int x) { return x * k + base + m; }; //NEW
}
void scenario(const char *when)
{
    if (!hook) setup(3, 1000);
    printf("%s: %d\n", when, hook(50));
}
SOURCE
        refuses "a lambda that captures one more ($compiler $level)" "captures changed, and the program may hold the old one"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
__attribute__((noinline)) int run(int x)
{
    if (x > 7) { static int count = 70; count += x; printf("%d ", count); } //NEW
    if (x > 5) { static int count = 50; count += x; return count; }
    static int last; last = x; return last;
}
void scenario(const char *when) { printf("%s: %d\n", when, run(8)); }
SOURCE
        refuses "a static variable of the name of another one ($compiler $level)" "compilers number those of one name by their order"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
struct Table {
    int *data;
    Table(int k) : data(new int[4]{k, 2 * k, 3 * k, 4 * k}) {}
    int at(int i) const { return data[i]; }
};
Table limits(100); //NEW
Table table(1);
__attribute__((noinline)) int lookup(int i)
{
    return table.at(i); //OLD
    return table.at(i) < limits.at(i) ? table.at(i) : -1; //NEW
}
void scenario(const char *when) { printf("%s: %d\n", when, lookup(2)); }
SOURCE
        refuses "a new variable with a constructor ($compiler $level)" "'limits' is new, and only code that runs before main() would set it"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
__attribute__((noinline)) int made(int x) { volatile int three = 3; return x * three; }
int limit = made(2); //OLD
int limit = made(5); //NEW
__attribute__((noinline)) int lookup(int i)
{
    return i + limit; //OLD
    return i - limit; //NEW
}
void scenario(const char *when) { printf("%s: %d\n", when, lookup(4)); }
SOURCE
        refuses "another initialiser ($compiler $level)" \
            "how 'limit' is initialised changed"

        build_case $compiler $level <<'SOURCE'
#include <cstdio>
__attribute__((noinline)) int made(int x) { return x * 3; }
int added() { return 4; } //NEW
int lookup(int i);
int limit = made(2);
__attribute__((noinline)) int lookup(int i)
{
    return i + limit; //OLD
    return i - limit + added(); //NEW
}
void scenario(const char *when) { printf("%s: %d\n", when, lookup(1)); }
SOURCE
        applies "a new function in front of a variable with an initialiser ($compiler $level)" "old: 7/new: -1/back: 7"
    done
done

for compiler in g++ clang++; do
    for level in "-O2" "-O2 DEBUG"; do
        mode=${level#-O2}
        [ $compiler = g++ ] && always=-femit-class-debug-always || always=-fstandalone-debug
        HEADER=lib.h
        cat >lib.h.in <<'SOURCE'
struct Shape {
    virtual ~Shape();
    virtual void wipe(int); //NEW
    virtual int area(int);
    int n;
};
Shape *make();
SOURCE
        pick OLD lib.h
        cat >lib.cpp <<'SOURCE'
#include "lib.h"
Shape::~Shape() {}
int Shape::area(int x) { return x * x; }
Shape *make() { return new Shape; }
SOURCE
        $compiler -O2 -fPIC -shared -o libshape.so lib.cpp || exit 1
        OTHERS="-L. -lshape -Wl,-rpath,$PWD" build_case $compiler "-O2 ${mode:+$always}" <<'SOURCE'
#include "lib.h"
#include <cstdio>
Shape *shape;
__attribute__((noinline)) int use(int x)
{
    if (!shape) shape = make();
    return shape->area(x);
}
void scenario(const char *when) { printf("%s: %d\n", when, use(5)); }
SOURCE
        if [ "$mode" ]; then
            refuses "a virtual method in a class of a library ($compiler $always)" \
                "the layout of 'struct Shape' changed, and the program may hold objects of it: virtual method wipe() is new at slot 2"
        else
            refuses "a class of a library of which nothing tells ($compiler)" \
                "Shape: neither target nor patch defines it, and the functions may look into it"
        fi
        HEADER=
    done
done

for level in -O0 -O2; do
    build_case g++ "-std=c++20 $level" <<'SOURCE'
#include <coroutine>
#include <cstdio>
#include <exception>
struct Gen {
    struct promise_type {
        int v = 0;
        Gen get_return_object() { return Gen{std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        std::suspend_always yield_value(int x) { v = x; return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };
    std::coroutine_handle<promise_type> h;
};
Gen counter(int from)
{
    long pad[4] = {1, 2, 3, 4}; //NEW
    for (int i = from;; i++) {
        co_yield i; //OLD
        co_yield i * 1000 + (int)pad[3]; //NEW
    }
}
Gen *live;
Gen *made;
void scenario(const char *when)
{
    if (!live)
        live = new Gen(counter(1));
    live->h.resume();
    if (when[0] == 'n')
        made = new Gen(counter(7));
    if (made)
        made->h.resume();
    printf("%s: %d %d\n", when, live->h.promise().v, made ? made->h.promise().v : 0);
}
SOURCE
    grep -q "that are suspended finish in the old code" "$ERR"
    result $? "coroutines: it is told that those that exist finish in the old code (g++ $level)" || diagnose <"$ERR"
    applies "coroutines that exist finish in the code that made them (g++ $level)" "old: 1 0/new: 2 7004/back: 3 8004"
done

finish
