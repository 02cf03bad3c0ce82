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
    done
done

finish
