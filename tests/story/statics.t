#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Static variables of functions that become inlined in a fix, or get another name: their state goes on.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=tests/story/single.sh
. "$STORY/single.sh"

# An attribute decides, so that -O0 inlines, too.
cat >program.c <<'C'
int noise;
#ifdef FIXED
#define KIND __attribute__((always_inline)) inline
#define FACTOR 5
#else
#define KIND __attribute__((noinline))
#define FACTOR 3
#endif
static KIND int tally(int a)
{
    static int total = 3;
    total += a;
    if (a & 1) { static int count; count += 41; total += count; }
    if (a > 9) { static int seen[2]; seen[a & 1] += a; total ^= seen[1]; }
    return total;
}
__attribute__((noinline)) static int step(int a, int b)
{
    return (tally(a) + noise + b) * FACTOR;
}
int probe(int round)
{
    return step(7 + round * 4, 2);
}
C
for compiler in gcc clang; do
    for level in -O0 -O1 -O2 -O3 -Os; do
        works "old 159 471 new 1435 2380 old 2064 2736" "$compiler $level: a function that became inlined" \
            "$compiler" "$level"
    done
done

# The compiler decides: what was called twice is called once, and there is more than one variable of a name.
cat >program.c <<'C'
int noise;
static int tally(int a, int b)
{
    static int total = 3;
    static __thread int calls;
    total += a + ++calls;
    if (a & 1) { static int count; count += 41; total += count; }
    if (a > 9) { static long count = 5; count += a * 9; total ^= count + 777; }
    for (int i = 0; i < 4; i++) {
        noise += i * a;
        noise ^= b * total;
    }
    return total;
}
__attribute__((noinline)) static int other(int a, int b)
{
#ifdef FIXED
    return noise + b;
#else
    return tally(b, a);
#endif
}
__attribute__((noinline)) static int step(int a, int b)
{
    return tally(a, b) + noise + b;
}
int probe(int round)
{
    return step(7 + round * 4, 2) + other(round, 8);
}
C
for compiler in gcc clang; do
    for level in -O1 -O2 -O3; do
        works "old 366 2240 new 1640 2365 old 4272 7022" "$compiler $level: a function that lost one of two callers" \
            "$compiler" "$level"
    done
done

# Nothing writes to a variable of an inlined function any more: what the target holds has no place in the new code.
cat >program.c <<'C'
int noise;
static int tally(int a)
{
    static int rate = 5;
    static int total;
    total += a;
#ifndef FIXED
    rate += a;
#endif
    return total * rate;
}
__attribute__((noinline)) static int step(int a, int b)
{
    return tally(a) + noise + b;
}
int probe(int round)
{
    return step(7 + round * 4, 2);
}
C
SENTENCE="but its compiler left it out, since nothing reads it or nothing writes to it any more: new code may have its \
initial value in the place of what the target holds; declare it volatile, or remove it"
refused 3 "the fix still declares variable 'rate.0', $SENTENCE" "gcc: the last writer is gone" gcc -O2
refused 3 "the fix still declares variable 'tally.rate', $SENTENCE" "clang: the last writer is gone" clang -O2
works "old 86 416 new 577 830 old 1292 2216" "where it has a place, it keeps its state" clang -O0

# A function with another name; callers differ by their calls of it.
cat >program.c <<'C'
int noise;
#ifdef FIXED
#define tally counted
#define FACTOR 5
#else
#define FACTOR 3
#endif
__attribute__((noinline)) static int tally(int a)
{
    static int total = 3;
    static int calls;
    total += a;
    if (++calls & 1) { static char seen; seen += a; total ^= seen; }
    return total * calls;
}
__attribute__((noinline)) static int step(int a, int b)
{
    return (tally(a) + noise + b) * FACTOR;
}
int probe(int round)
{
    return step(7 + round * 4, 2);
}
C
for compiler in gcc clang; do
    for level in -O0 -O2; do
        works "old 45 150 new 265 570 old 816 1176" "$compiler $level: a function with another name" "$compiler" "$level"
    done
done

# Two that are alike: nothing tells which is which.
cat >program.c <<'C'
int noise;
#ifdef FIXED
#define one three
#define two four
#define FACTOR 5
#else
#define FACTOR 3
#endif
__attribute__((noinline)) static int one(int a)
{
    static int total;
    return total += a;
}
__attribute__((noinline)) static int two(int a)
{
    static int total;
    return total += a;
}
__attribute__((noinline)) static int step(int a, int b)
{
    return (one(a) + two(b) + noise) * FACTOR;
}
int probe(int round)
{
    return step(7 + round * 4, round);
}
C
SENTENCE="goes on from an old one of this name: several fit, and the functions that use them changed; leave these functions \
as they are, or give a variable that is new another name"
refused 3 "cannot tell whether static variable 'total' of 'four' (line 16) $SENTENCE" "gcc: two functions alike" gcc -O0
refused 3 "cannot tell whether static variable 'total' of 'four' (line 16) $SENTENCE" "clang: two functions alike" clang -O0

# left_out OLD-A OLD-B NEW-A NEW-B: blocks of which a compiler leaves out the variable of one that it is only written in.
left_out() {
    cat >program.c <<C
int noise;
#ifdef FIXED
#define A $3
#define B $4
#else
#define A $1
#define B $2
#endif
__attribute__((noinline)) static int step(int a, int b)
{
    int r = noise + b;
    A
    B
    return r;
}
int probe(int round)
{
    return step(7 + round * 4, 2);
}
C
}
COUNTS='if (a & 1) { static int count; count += 41; r += count; }'
WRITES='if (a & 1) { static int count; count = 41; }'
KEEPS='if (a > 3) { static int count; count = a; }'
READS='if (a > 3) { static int count; r += count * 5; count = a; }'
for compiler in gcc clang; do
    left_out "$COUNTS" "$KEEPS" "" "$READS"
    refused 3 "cannot tell whether static variable 'count' of 'step' (line 13) $SENTENCE" \
        "$compiler: the old variable that was left out is not the one that is gone" "$compiler" -O2
    left_out "$COUNTS" "$KEEPS" "$WRITES" "$READS"
    refused 3 "cannot tell whether static variable 'count' of 'step' (line 13) $SENTENCE" \
        "$compiler: one is left out in the release, the other in the fix" "$compiler" -O2
done

# Blocks swapped, and exchanged which of them reads its variable: the one that is left stands where the other stood.
ADDS='if (a & 1) { static int count; count += a * 41; r += count; }'
ONLY_SETS='if (a & 1) { static int count; count = a * 7; }'
SETS='if (a > 3) { static int count; count = a * 41; }'
SETS_LATE='if (a > 3) { static int count; r += count; count = a * 41; }'
for compiler in gcc clang; do
    for level in -O1 -O2; do
        left_out "$ADDS" "$SETS" "$SETS_LATE" "$ONLY_SETS"
        refused 3 "cannot tell whether static variable 'count' of 'step' (line 12) $SENTENCE" \
            "$compiler $level: swapped, and exchanged which one is left out" "$compiler" "$level"
    done
done
for compiler in gcc clang; do
    left_out "$ADDS" "$SETS if (a > 900) return probe(r * 3);" "$ADDS" "$SETS if (a > 900) return probe(r * 5);"
    works "old 289 740 new 1027 1478 old 1765 2216" "$compiler: the one that is left is used as before" "$compiler" -O2
done

# second LINE: of two variables in this line and the next gcc tells of the second, clang of the first.
second() {
    if [ "$compiler" = gcc ]; then echo $(($1 + 1)); else echo "$1"; fi
}

# A function that differs by the lines that it passes on does the same with its variables; another constant may not.
lines() {
    cat >program.c <<C
int noise;
#ifdef FIXED
#define FACTOR 5
#line 10
#else
#define FACTOR 3
#line 4
#endif
__attribute__((noinline, noclone)) void note(int line)
{
    noise += line;
}
__attribute__((noinline)) static int step(int a, int b)
{
    int r = b;
    if (a & 1) { static int count; count += a; r += count; }
    if (a > 9) { static int count; count += b; r += count; }
    note($1);
    return r;
}
__attribute__((noinline)) static int scale(int a)
{
    return a * FACTOR;
}
int probe(int round)
{
    return scale(step(7 + round * 4, 2)) + noise * 0;
}
C
}
for compiler in gcc clang; do
    for level in -O0 -O2; do
        lines __LINE__
        works "old 27 66 new 135 210 old 135 186" "$compiler $level: lines that are passed on" "$compiler" "$level"
        # Of 14 and 23, the lines of this call before and after, one alone proves nothing.
        for constant in "FACTOR * 7" "FACTOR == 3 ? 14 : 99" "FACTOR == 3 ? 99 : 23"; do
            lines "$constant"
            refused 3 "cannot tell whether static variable 'count' of 'step' (line $(second 21)) $SENTENCE" \
                "$compiler $level: a constant that is no line, $constant" "$compiler" "$level"
        done
    done
done

# A function with another name that changed, too: its variables go on if it uses them as before.
rename() {
    cat >program.c <<C
int noise;
#ifdef FIXED
#define tally counted
#define FACTOR 5
#define BY $1
#else
#define FACTOR 3
#define BY a
#endif
int probe(int round);
__attribute__((noinline)) static int tally(int a)
{
    static int total = 3;
    total += BY;
    noise = total;
    if (a > 900)
        probe(noise);
    return a * FACTOR;
}
__attribute__((noinline)) int step(int a)
{
    static int last;
    int was = last;
    last = tally(a);
    return was;
}
int probe(int round)
{
    int was = step(7 + round * 4);
    return was + noise;
}
C
}
for compiler in gcc clang; do
    for level in -O0 -O2; do
        rename a
        works "old 10 42 new 61 74 old 101 78" "$compiler $level: a function with another name that changed" \
            "$compiler" "$level"
        rename "a ^ 4"
        refused 3 "cannot tell whether static variable 'total' of 'counted' (line 13) is the one that 'tally' had: leave \
it there, or give it another name if it is new" "$compiler $level: this one uses it otherwise" "$compiler" "$level"
    done
done

# A new function of another file uses a static variable of that file.
mkdir before after
for version in before after; do
    if [ "$version" = after ]; then echo '#define FIXED'; fi >$version/define.h
    cat >$version/kept.c <<'C'
#include "define.h"
static int kept = 4;
int peek(void)
{
    return kept++;
}
int rate(void)
{
#ifdef FIXED
    return 3;
#else
    return 2;
#endif
}
#ifdef FIXED
int bump(int by)
{
    return kept += by;
}
#endif
C
    cat >$version/program.c <<'C'
#include "define.h"
int peek(void);
int rate(void);
int bump(int by);
int probe(int round)
{
#ifdef FIXED
    return bump(round + 10) * 2 + rate();
#else
    return peek() + round;
#endif
}
C
    (cd $version && gcc -O0 -g -ffunction-sections -fdata-sections -c kept.c program.c)
done
gcc -w "${INCLUDES[@]}" -Wl,--build-id -o target host.c before/kept.o before/program.o "${LIBS[@]}" || exit 1
run hotfix build --target target --old before --new after -o patch.so
[ "$status" = 0 ] && run hotfix pack --target target --patch patch.so --key key.key --name f --version 1 -o fix.hotfix
[ "$status" = 0 ] && run ./target fix.hotfix trust
is "a new function uses a static variable of its file" "$status $(tr '\n' ' ' <"$OUT")$(cat "$ERR")" \
    "0 old 4 6 new 35 57 old 27 29 "

finish
