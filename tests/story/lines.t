#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Line numbers from a source tree: what differs between release and fix by __LINE__ alone is no change, wherever a
# compiler carried the number; a constant that happens to be a line, and moves with it, is one.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir source
cat >source/log.h <<'C'
/*
 * What the sources tell of themselves.
 */
void report(const char *what, int line);
extern int level;

static inline void check(long value, int line)
{
    if (value < level)
        report("check", line);
    level += (int)value & 1;
}

#define CHECK(value) check(value, __LINE__)
#define JOIN2(a, b)  a##b
#define JOIN(a, b)   JOIN2(a, b)
#define ONCE()                                                                                                         \
    do {                                                                                                               \
        static int JOIN(seen_, __LINE__);                                                                              \
        level += ++JOIN(seen_, __LINE__);                                                                              \
    } while (0)
C
cat >source/a.c <<'C'
/* The first line.
   The second one. */
#include <assert.h>
#include "log.h"

/*
 * A comment that the fix makes longer, (with one parenthesis, and "a quote
 */
__attribute__((noinline)) long checked(long n)
{
    CHECK(n);
    CHECK(n *
          2);
    return n + 1;
}

#define LONG(n)                                                                                                        \
    ((n) +                                                                                                             \
     1)

__attribute__((noinline)) long asserted(long n)
{
    assert(n > 0);
    return LONG(n + level);
}

#ifdef NOT_SO
long left_out(long n)
{
#endif
__attribute__((noinline)) long once(long n)
{
    ONCE();
    ONCE();
    return n + '(' + ')';
}
#ifdef NOT_SO
}
#else
static const struct { int line; } origin = {__LINE__};
static int last = __LINE__;
#endif

__attribute__((noinline)) long resumed(long n)
{
    static int state;
    switch (state) {
    case 0:
        for (;;) {
            state = __LINE__; return n; case __LINE__:;
            state = __LINE__; return n + 1; case __LINE__:;
        }
    }
    return 0;
}

__attribute__((noinline)) long limit(long n)
{
    return n > 61 ? 61 : n;
}

__attribute__((noinline)) long where(const volatile int *at) { return *at + *(const volatile int *)&origin + last++; }

long wrong(long n)
{
    return checked(n) + asserted(n) + once(n) + resumed(n) + limit(n) + where(&level) + 1;
}
C
cat >source/main.c <<'C'
#include <stdio.h>
int level;
long wrong(long n);
void report(const char *what, int line) { printf("%s %d\n", what, line); }
int main(int argc, char **argv) { (void)argv; return (int)wrong(argc); }
C
cp -r source fixed
sed -i '2i\   One more.
s/^ \* A comment.*/&,\n * and now the (other one, too)/
s/n > 61 ? 61/n > 63 ? 63/
/^long wrong/i\/* new */\n' fixed/a.c
sed -i '2a\ * And more than that.' fixed/log.h
diff -ru source fixed | sed 's|^\(---\|+++\) \(source\|fixed\)/|\1 a/|' >fix.patch

# changed COMPILER FLAGS...: what build says changed
changed() {
    local compiler=$1
    shift
    printf 'target: main.o a.o\n\t%s -Wl,--build-id -o $@ main.o a.o\nmain.o a.o: log.h\n%%.o: %%.c\n\t%s %s -c -o $@ $<\n' \
        "$compiler" "$compiler" "$*" >source/Makefile
    cp -r source built && make -s -C built && cp built/target target && rm -r built || exit 1
    run hotfix build --target target --source source --patch fix.patch --make 'make -s' --leave-checks -o patch.so
    [ "$status" = 0 ] || cat "$ERR"
    sed -n 's/^changed *a.o: //p' "$OUT" | sort | paste -sd' '
}

for compiler in gcc clang; do
    for level in -O0 -O1 -O2 -O3 -Os; do
        is "$compiler $level: of functions with lines in them, the one that changed" \
            "$(changed "$compiler" -g "$level")" limit
    done
done
changed gcc -g -O2 >/dev/null
is "the rest is told of" "$(grep '^ignored *a.o:' "$OUT" | sed 's/^ignored *a.o: //' | sort)" \
    "$(printf '%s: only line numbers in it differ\n' asserted checked last origin resumed | sort)"
finish
