#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How objects of a class are handed over, where the unit of the called function only declares the class: another unit
# tells it, and where none does, nothing is guessed. A thread stays in the old caller while the fix is applied.
. "$(dirname "$0")/cpp.sh"

cat >use.cpp.in <<'SOURCE'
#include "pair.h"
int take(Pair p) { return p.a < 0 ? 7 : p.a * 10 + p.b; }
SOURCE

case_source() {
    cat <<'SOURCE'
#include <atomic>
#include <cstdio>
#include <pthread.h>
#include <sched.h>
#include "pair.h"
std::atomic<int> inside, go, result{-1};
int call(int x)
{
    inside = 1;
    while (!go)
        sched_yield();
    if (x > 100)
        throw x;
    int r = take(Pair(x, 2));
    return r;
}
void *run(void *) { result = call(1); return nullptr; }
pthread_t thread;
void scenario(const char *when)
{
    if (when[0] == 'o') {
        pthread_create(&thread, nullptr, run, nullptr);
        while (!inside)
            sched_yield();
    } else if (when[0] == 'n') {
        go = 1;
        pthread_join(thread, nullptr);
    } else {
        result = call(3);
    }
    printf("%s: %d\n", when, result.load());
}
SOURCE
}

cat >pair.h.in <<'SOURCE'
struct Pair {
    int a, b;
    Pair(int x, int y);
    ~Pair(); //NEW
};
int take(Pair p);
SOURCE
cat >pair.cpp.in <<'SOURCE'
#include "pair.h"
Pair::Pair(int x, int y) : a(x), b(y) {}
Pair::~Pair() { a = 0; } //NEW
SOURCE
HEADER=pair.h

for compiler in g++ clang++; do
    for level in -O0 -O2; do
        UNITS="use pair" build_case $compiler $level < <(case_source)
        grep -q '^new .*take(Pair): function' "$OUT"
        result $? "a class that another unit defines makes another prototype ($compiler $level)" || diagnose <"$OUT"
        applies "a thread in an old caller calls the old function ($compiler $level)" "old: -1/new: 12/back: 32"
    done
done

# The class is a library's, of whose debug information nothing is left.
cat >pair.h.in <<'SOURCE'
struct Pair {
    int a, b;
    Pair(int x, int y);
    Pair(const Pair &other);
};
int take(Pair p);
SOURCE
cat >use.cpp.in <<'SOURCE'
#include "pair.h"
int take(Pair p)
{
    return p.a < 0 ? 7 : p.a * 10 + p.b; //OLD
    return p.a < 0 ? 8 : p.a * 20 + p.b; //NEW
}
SOURCE
pick OLD pair.h
cat >outside.cpp <<'SOURCE'
#include "pair.h"
Pair::Pair(int x, int y) : a(x), b(y) {}
Pair::Pair(const Pair &other) : a(other.a), b(other.b) {}
SOURCE
clang++ -O2 -fPIC -shared -o libpair.so outside.cpp || exit 1
export OTHERS="-L. -lpair -Wl,-rpath,$PWD"

UNITS=use build_case clang++ -O2 < <(case_source)
refuses "a class that nothing defines" "nothing tells whether calls of 'take(Pair)' hand over objects of 'struct Pair'"

UNITS=use build_case clang++ "-O2 -fstandalone-debug" < <(case_source)
applies "what the message advises helps" "old: -1/new: 22/back: 32"

finish
