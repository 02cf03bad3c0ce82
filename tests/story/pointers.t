#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the running program may hold by its address: functions that go, change their prototype or are too short for a
# detour. Each program is one file, whose fix is what -DFIXED makes of it.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=tests/story/single.sh
. "$STORY/single.sh"

cat >program.c <<'C'
#include <stdlib.h>
static void *hook; /* what code elsewhere stores, no data of this file tells */
#ifdef FIXED
static int on_data(int n, int limit) { return n > limit ? limit : n; }
__attribute__((noinline)) int event(int n) { return ((int (*)(int, int))hook)(n, 10); }
#else
static int on_data(int n) { return n; }
__attribute__((noinline)) int event(int n) { return ((int (*)(int))hook)(n); }
#endif
__attribute__((noinline)) void setup(void) { hook = on_data; }
int probe(int round) { if (!hook) setup(); return event(99); }
C
changed="the prototype of 'on_data' changed, and 'setup' in the target has its address: nobody can tell who calls it through pointers; give the function with the new prototype a new name, and keep one of the old name and prototype (with __attribute__((used)), if nothing refers to it)"
for compiler in gcc clang; do
    for flags in "-O0 -fno-pie -no-pie" "-O0 -fPIE -pie" "-O1 -fPIE -pie"; do
        # shellcheck disable=SC2086
        refused 1 "$changed" "another prototype, an address that code took ($compiler $flags)" $compiler $flags
    done
done

# Renamed: pointers go on to the old one.
cat >program.c <<'C'
static int (*hook)(int);
#ifdef FIXED
static int on_input(int n) { return n > 10 ? 10 : n; }
__attribute__((noinline)) void setup(void) { hook = on_input; }
#else
static int on_data(int n) { return n; }
__attribute__((noinline)) void setup(void) { hook = on_data; }
#endif
int probe(int round) { if (!hook) setup(); return hook(99); }
C
for flags in "-O1 -fno-pie -no-pie" "-O2 -fPIE -pie"; do
    # shellcheck disable=SC2086
    refused 1 "function 'on_data' is gone, and 'setup' in the target has its address: pointers to it may live on, and would call the old one; keep a function of this name and prototype in the fixed source (with __attribute__((used)), if nothing there refers to it)" \
        "a renamed function whose address was taken ($flags)" gcc $flags
done

# The way out that the sentence names.
cat >program.c <<'C'
static void *hook;
#ifdef FIXED
static int on_input(int n, int limit) { return n > limit ? limit : n; }
__attribute__((used)) static int on_data(int n) { return on_input(n, 10); }
__attribute__((noinline)) int event(int n) { return ((int (*)(int))hook)(n) * 2; }
#else
__attribute__((noinline)) static int on_data(int n) { return n + 2 * (n & 1) - (n & 4); }
__attribute__((noinline)) int event(int n) { return ((int (*)(int))hook)(n); }
#endif
__attribute__((noinline)) void setup(void) { hook = on_data; }
int probe(int round) { if (!hook) setup(); return event(99); }
C
works "old 101 101 new 20 20 old 101 101" "the old name kept, with another body" gcc -O2

# Nothing is left that leads to a function that was only called.
cat >program.c <<'C'
#ifdef FIXED
static __attribute__((noinline)) int rate(int n, int more) { return n * 3 + more; }
int probe(int round) { return rate(round + 1, 7) + 100; }
#else
static __attribute__((noinline)) int fee(int n) { return n * 3 + (n & 4); }
int probe(int round) { return fee(round + 1) + 100; }
#endif
C
works "old 103 106 new 110 113 old 103 106" "a renamed function that was only called" gcc -O2 -fno-ipa-cp

# One that is too short for a detour: the function that registered it ran long ago.
cat >program.c - <(echo "$NO_ROOM") <<'C'
static int (*hook)(const char *);
static int allow(const char *s)
{
#ifdef FIXED
    return s[0] != 'x';
#else
    return 0 * s[0];
#endif
}
__attribute__((noinline)) void setup(void) { hook = allow; }
int probe(int round) { if (!hook) setup(); return hook("abc"); }
C
refused 1 "the 3 bytes of 'allow' are too short for a detour, and 'setup' has its address, so that replacing its callers would miss who calls it through pointers; put the fix into the functions that do" \
    "a short function whose address was taken" gcc -O2
# Far from code of which some bytes may look like a jump to it.
cat >program.c - <(echo "$NO_ROOM") <<'C'
int fee(int n);
int probe(int round) { return fee(round) + round; }
#ifdef FIXED
__attribute__((noipa)) int fee(int n) { return n * 8; }
#else
__attribute__((noipa)) int fee(int n) { return n; }
#endif
int beyond(int n) { return n + 1; }
C
works "old 0 2 new 0 9 old 0 2" "a short global function, through all that call it" gcc -O2 -falign-functions=512 \
    -fno-toplevel-reorder
# One whose loop comes back to its first bytes, so that a detour cannot lie there.
cat >program.c <<'C'
__attribute__((noipa)) int fee(int n)
{
    do
        n -= 3;
    while (n > 10);
#ifdef FIXED
    n *= 8;
#endif
    return n;
}
int probe(int round) { return fee(round + 11) + round; }
int beyond(int n) { return n + 1; }
C
works "old 8 10 new 64 73 old 8 10" "a loop that comes back to the entry, through all that call it" gcc -Os \
    -falign-functions=512 -fno-toplevel-reorder

# Compilers list where -fpatchable-function-entry left room: nobody calls what is listed.
cat >program.c <<'C'
#ifndef FIXED
__attribute__((noinline)) static int half(int n) { return n / 2 + 3; }
#endif
int probe(int round)
{
#ifdef FIXED
    return round + 70;
#else
    return half(round + 10);
#endif
}
C
for compiler in gcc clang; do
    for flags in "-fno-pie -no-pie" "-fPIE -pie"; do
        # shellcheck disable=SC2086
        works "old 8 8 new 70 71 old 8 8" "a function that is gone, with room for patches ($compiler $flags)" \
            $compiler -O2 -fpatchable-function-entry=8 $flags
    done
done

# A resolver of an indirect function behind a static name.
cat >program.c <<'C'
static int one(void) { return 1; }
static int two(void) { return 2; }
#ifdef FIXED
static void *choose(void) { return two; }
#else
static void *choose(void) { return one; }
#endif
int chosen(void) __attribute__((ifunc("choose")));
int probe(int round) { return chosen() + (one() & 2) + (two() & 1); }
C
refused 1 "chosen: the resolver of an indirect function changed, and it has run already" \
    "a resolver with a name of its own" gcc -O2

# A function that gcc cut in two, whose first half it put into the callers.
cat >program.c <<'C'
struct box { int *a, *b, *c, *d, *e, *f, *g, *h; };
static int zero;
__attribute__((noinline)) int *give(int *p) { return p ? &zero : 0; }
void reset(struct box *box)
{
    if (!box)
        return;
    while (give(box->a)) box->a = 0;
    while (give(box->b)) box->b = 0;
    while (give(box->c)) box->c = 0;
    while (give(box->d)) box->d = 0;
    while (give(box->e)) box->e = 0;
    while (give(box->f)) box->f = 0;
#ifdef FIXED
    while (give(box->g)) box->g = 0;
#endif
}
__attribute__((noinline)) int first(struct box *box) { reset(box); return 1; }
__attribute__((noinline)) int second(struct box *box) { reset(box); return 2; }
int probe(int round)
{
    struct box box = {.g = &zero};
    return first(&box) + second(round ? 0 : &box) + !!box.g * 10;
}
C
compile gcc -O2 || exit 1
ok "gcc cuts a function in two" sh -c "nm old.o | grep -q reset.part"
works "old 13 13 new 3 3 old 13 13" "the other half is replaced, and the callers with the first one stay" gcc -O2

# A promise to people changes no call.
cat >program.c <<'C'
#ifdef FIXED
__attribute__((noinline)) int sum(const int *values, int count) { int n = 0; while (count-- > 0) n += values[count]; return n; }
#else
__attribute__((noinline)) int sum(int *values, int count) { int n = 1; while (count-- > 1) n += values[count]; return n; }
#endif
int probe(int round) { int values[] = {10, 20 + round}; return sum(values, 2); }
C
works "old 21 22 new 30 31 old 21 22" "what a parameter points to becomes const" gcc -O0

# Two that call each other gain a parameter; so does a copy that gcc makes for one caller.
cat >program.c <<'C'
#ifdef FIXED
#define MORE , int depth
#define WITH(x) , x
#define LIMIT depth > 3 ||
#else
#define MORE
#define WITH(x)
#define LIMIT
#endif
static int walk(int n MORE);
static __attribute__((noinline)) int step(int n MORE) { return LIMIT n < 0 ? n : 2 + walk(n - 1 WITH(depth + 1)); }
static __attribute__((noinline)) int walk(int n MORE) { return LIMIT n == 0 ? 1 : n + step(n - 1 WITH(depth + 1)); }
int probe(int round) { return walk(20 + round WITH(0)); }
C
for compiler in gcc clang; do
    for level in -O0 -O2; do
        works "old 131 140 new 43 45 old 131 140" "functions that call each other gain a parameter ($compiler $level)" \
            $compiler $level
    done
done

cat >program.c <<'C'
static __attribute__((noinline)) int handle(int mode, int a
#ifdef FIXED
    , int limit
#else
#define limit 1000
#endif
    ) { return (mode ? a * a : a) > limit ? limit : a * a + 100; }
int probe(int round)
{
#ifdef FIXED
    return handle(1, round + 10, 110);
#else
    return handle(1, round + 10);
#endif
}
C
compile gcc -O2 -fPIE -pie
ok "gcc makes a copy of a function for its caller" sh -c "nm old.o | grep -q handle.constprop"
works "old 200 221 new 200 110 old 200 221" "a copy that gcc made gains a parameter" gcc -O2 -fPIE -pie

# What the numbers in linkage stubs look like from the middle (push $0x80 behind a zero) is nobody's pointer.
cat >program.c <<'C'
#ifdef FIXED
static __attribute__((noinline)) int rate(int n, int more) { return n * 3 + more; }
int probe(int round) { return rate(round + 1, 7) + 100; }
#else
__asm__(".section .fee, \"ax\"\n\tnop\n\t.p2align 4\n\t.previous"); /* no segment begins with the function */
static __attribute__((noinline, section(".fee"))) int fee(int n) { return n * 3 + (n & 4); }
int probe(int round) { return fee(round + 1) + 100; }
#endif
C
[ "$(uname -m)" != x86_64 ] ||
    works "old 103 106 new 110 113 old 103 106" "a stub that looks as if it had the address of a function that is gone" \
        gcc -O1 -fno-pie -no-pie -Wl,--section-start=.fee=0x8067f0

finish
