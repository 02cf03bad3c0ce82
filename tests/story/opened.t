#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Variables of files that the fix does not touch otherwise: their types and layouts are those of these files.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/story/symbols.sh
. "$STORY/symbols.sh"

# A static variable that another file may use now, whose own file the fix does not touch otherwise.
# opened STATIC DECLARATION USE: a.c has the variable, b.c declares and uses it
opened() {
    scenario
    [ "$compiler" = gcc ] || FLAGS+=(-grecord-command-line)
    CC=$compiler
    file main.c <<'C'
#include "fix.h"
int next(void), sum(int);
int main(void) { next(); printf("%d\n", sum(2)); fix(); printf("%d ", next()); printf("%d\n", sum(2)); return 0; }
C
    file a.c <<C
struct conf { long limit; int count; };
#ifndef FIXED
static
#endif
$1
C
    file b.c <<C
#ifdef FIXED
$2
#endif
__attribute__((noinline)) int sum(int n)
{
    int i, sum = 0;
    for (i = 0; i < n; i++)
        sum += i * n;
#ifdef FIXED
    return sum + $3;
#else
    return sum;
#endif
}
C
}
number='int count = 5;
__attribute__((noinline)) int next(void) { return ++count; }'
record='struct conf conf = {7, 5};
__attribute__((noinline)) int next(void) { return ++conf.count; }'
for compiler in gcc clang; do
    opened "$number" 'extern int count;' count
    works "$compiler: a static variable of an unchanged file is used in another one" $'2\n7 9'
done
compiler=gcc
opened "$record" 'struct conf { long limit; int count; }; extern struct conf conf;' conf.count
works "so is a structure" $'2\n7 9'
opened "$number" 'extern unsigned count;' '(int)count'
refused 1 "incompatible: variables: sum (b.c): count is 'int', in the patch 'unsigned int' (a.c:3, in the patch b.c:1); declare it as the target does, or give the new one another name" "with another type it is refused"
opened "$record" 'struct conf { int count; long limit; }; extern struct conf conf;' conf.count
refused 1 "incompatible: variables: sum (b.c): conf has the layout of another file: struct conf: member limit is at 0, in the patch at 8 (a.c:1, in the patch b.c:1); keep the layout" "with another layout, too"

# A variable of a function that another file may use now: nothing tells that it is the same one.
scenario
file main.c <<'C'
int next(void), sum(int);
int main(void) { return next() + sum(2); }
C
file a.c <<'C'
#ifdef FIXED
int count = 5;
__attribute__((noinline)) int next(void) { return ++count; }
#else
__attribute__((noinline)) int next(void) { static int count = 5; return ++count; }
#endif
C
file b.c <<'C'
#ifdef FIXED
extern int count;
__attribute__((noinline)) int sum(int n) { return n * count + 17; }
#else
__attribute__((noinline)) int sum(int n) { return n * 3 + 17; }
#endif
C
refused 3 "a.o: variable 'count' is new, and 'count.0' of a.o is gone, in whose place it may be: it would lose the value that the program holds; keep the old variable where it is, or, if the new one may begin anew, give it a name of its own and keep the old one beside it with __attribute__((used))" \
    "a static variable of a function that becomes one of all files"

finish
