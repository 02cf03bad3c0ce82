#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is the same in the release and in the fix: by proof, not by names that a compiler numbers, by the order in which
# things stand, or by numbers that happen to be lines. Where nothing proves it, the fix is refused.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

LIBS=("$LIBRARY/libhotfix.a" -lcrypto -lpthread -ldl)

link=()
hotfix keygen key >/dev/null || exit 1
mkdir trust
cp key.pub trust
"$CC" -O2 -g "-I$ROOT/loader" "-I$ROOT/manifest" -c "$ROOT/tests/build/probe_main.c" -o main.o || exit 1

# build COMPILER FLAGS...: subject.c with and without -DFIXED, the target of the second, and patch.so
build() {
    local compiler=$1
    shift
    local flags=(-g -w -ffunction-sections -fdata-sections "$@")
    [ "$compiler" = clang ] && flags+=(-grecord-command-line)
    rm -f patch.so fix.hotfix
    mkdir -p source
    cp subject.c source/subject.c
    "$compiler" "${flags[@]}" -c source/subject.c -o old.o &&
        cp fixed.c source/subject.c && "$compiler" "${flags[@]}" -c source/subject.c -o new.o &&
        "$compiler" -Wl,--build-id "${link[@]}" -o target main.o old.o "${LIBS[@]}" || exit 1
    run hotfix build --target target --old old.o --new new.o -o patch.so
    cp "$OUT" build.log
}

# works CLAIM WANTED COMMANDS COMPILER FLAGS...: what the program prints, commands one a line
works() {
    local claim=$1 wanted=$2 commands=$3
    shift 3
    build "$@"
    if [ "$status" = 0 ]; then
        run hotfix pack --target target --patch patch.so --key key.key --name fix --version 1 -o fix.hotfix
        [ "$status" = 0 ] && printf '%b' "$commands" | timeout 60 ./target trust >"$OUT" 2>&1
    fi
    is "$*: $claim" "$(cat "$OUT" "$ERR" | grep -v '^\(changed\|new\|ignored\|removed\|warning\) ' | paste -sd' ')" "$wanted"
}

# refuses STATUS SENTENCE CLAIM COMPILER FLAGS...
refuses() {
    local wanted_status=$1 sentence=$2 claim=$3
    shift 3
    build "$@"
    is "$*: $claim" "$status $(cat "$ERR")" "$wanted_status hotfix build: $sentence"
    [ ! -e patch.so ] || result 1 "$*: $claim: nothing is written"
}

# fixed EDIT: the fix of subject.c, by sed
fixed() {
    sed "$1" subject.c >fixed.c
}

# Two blocks with a static variable of one name. The fix puts a third one in front.
cat >subject.c <<'C'
__attribute__((noinline)) long parse(long n)
{
    long r = 0;
    if (n & 1) {
        static long count;
        count += 1;
        r += count;
    }
    if (n & 2) {
        static long count;
        count += 100;
        r += count;
    }
    return r;
}
__attribute__((noinline)) long steps(long n)
{
    static long count;
    return count += n;
}
long probe(long n) { return parse(n) + steps(n) * 100000; }
C
fixed '3a if (n & 4) { static long count; count += 10000; r += count; }'
for compiler in gcc clang; do
    for level in -O0 -O1 -O2 -O3 -Os; do
        build "$compiler" "$level"
        is "$compiler $level: a third static variable of one name in one function is refused" \
            "$status $(sed 's/(line [0-9]*)/(line N)/' "$ERR")" \
            "3 hotfix build: new.o: cannot tell whether static variable 'count' of 'parse' (line N) goes on from an old one of this name: several fit, and the functions that use them changed; leave these functions as they are, or give a variable that is new another name"
    done
done
# The advice: the function stays as it is, the new variable has a function of its own.
cat >more.c <<'C'
__attribute__((noinline)) long more(long n)
{
    static long count;
    return n & 4 ? count += 10000 : 0;
}
C
fixed '15r more.c
s/return parse(n)/return more(n) + parse(n)/'
for compiler in gcc clang; do
    for level in -O0 -O2 -Os; do
        works "an unchanged function shows which is which, whatever their numbers" \
            "100001 300100 500200 ok 600002 1010000 1420000 1600300" \
            'call 1\ncall 2\ncall 2\napply fix.hotfix\ncall 1\ncall 4\ncall 4\ncall 2\n' "$compiler" "$level"
    done
done
# A patch that takes another one's place begins with its own variables.
name=count
[ "$(nm patch.so | grep -c 'more\.count')" = 0 ] || name=more.count
run hotfix pack --target target --patch patch.so --key key.key --name fix --version 2 -o next.hotfix \
    --supersedes 00112233445566778899aabbccddeeff
is "variables of a superseded bundle are not taken over, and that is told" \
    "$status $(sed "s/${name}[.0-9]*\$/COUNT/" "$ERR")" \
    "0 hotfix pack: warning: the patch brings variables of its own, which begin anew: what a bundle that it supersedes has in its variables is not taken over (keep it in shadow data): COUNT"

# Blocks that changed places: the numbers are the same, and mean each other.
cat >subject.c <<'C'
__attribute__((noinline)) long parse(long n)
{
    long r = 0;
    if (n & 1) { static long count; r += count += 1; }
    if (n & 2) { static long count; r += count += 100; }
    return r;
}
long probe(long n) { return parse(n); }
C
fixed '4{h;d};5G'
for compiler in gcc clang; do
    build "$compiler" -O1
    is "$compiler: blocks that changed places are refused" "$status $(grep -c "cannot tell whether static variable 'count'" "$ERR")" "3 1"
done

# A static variable that a function lost and another one gained.
cat >subject.c <<'C'
__attribute__((noinline)) long b(long n)
{
    return n;
}
__attribute__((noinline)) long a(long n)
{
    static long hits;
    return b(n) + (hits += 100);
}
long probe(long n) { return a(n) + b(n); }
C
fixed '3s/return n/static long hits;\n    return n + (hits += 100)/;7d;8s/(hits += 100)/1/'
for compiler in gcc clang; do
    refuses 3 "new.o: cannot tell whether static variable 'hits' of 'b' (line 3) is the one that 'a' had: leave it there, or give it another name if it is new" \
        "a variable that may have moved is refused" "$compiler" -O2
done

# What tells two of them apart: the scope, the type, the value that they begin with.
cat >subject.c <<'C'
__attribute__((noinline)) long parse(long n)
{
    static long count = 5;
    if (n & 1) { static int count = 7; count += 1; n += count; }
    if (n & 2) { static long count = 1000; count += 100; n += count; }
    return n + (count += 1);
}
long probe(long n) { return parse(n); }
C
fixed '3a if (n \& 4) { static short count = 20000; n += count += 1; }
s/return n/return 100000 + n/'
for compiler in gcc clang; do
    for level in -O0 -O2; do
        works "types, values and scopes tell variables of one name apart" "15 1109 ok 101218 101311 121425" \
            'call 1\ncall 2\napply fix.hotfix\ncall 1\ncall 2\ncall 4\n' "$compiler" "$level"
    done
done

# clang takes a structure apart whose members alone are used: stats.0, stats.1.
cat >subject.c <<'C'
static struct { long hits; long misses; } stats;
__attribute__((noinline)) void look(long n) { if (n & 1) stats.hits++; else stats.misses++; }
__attribute__((noinline)) long show(void) { return stats.hits * 100 + stats.misses; }
long probe(long n) { look(n); return show(); }
C
fixed 's/return stats.hits/return 10000 + stats.hits/'
for level in -O0 -O1 -O2 -O3 -Os; do
    works "a structure that is taken apart alike keeps its state" "100 101 ok 10102" \
        'call 1\ncall 2\napply fix.hotfix\ncall 2\n' clang "$level"
done
fixed 's/^long probe.*/long probe(long n) { look(n); asm volatile("" : : "r"(\&stats) : "memory"); return show() + 1; }/'
refuses 3 "new.o: the compiler keeps static variable 'stats' in other pieces in the new object than in the old one, so that its state cannot be found: let the fix use it as the old code does" \
    "a structure that stays whole in the fix has no state to be found" clang -O2

# A member of a structure without a name; an enumerator of an enumeration without one.
cat >subject.c <<'C'
static struct { int id; int size; } item = {1, 2}, *last = &item;
enum { IDLE, OPEN, CLOSED };
static int state = OPEN;
__attribute__((noinline)) long get(void) { return last->id * 10 + last->size + item.id; }
long probe(long n)
{
    if (n == 9)
        state = CLOSED;
    else if (n == 8)
        state = IDLE;
    item.id += n;
    return get() + state;
}
C
fixed 's/int id; int size;/int size; int id;/; s/{1, 2}/{2, 1}/'
# (clang takes it apart, and finds each member where it was.)
build gcc -O1
is "a structure without a name may not change" "$status $(cat "$ERR")" \
    "1 hotfix build: new.o: the layout of variable 'item' changed, and the program has set and used it already: member id is at 0, in the patch at 4"
fixed 's/OPEN, CLOSED/OPEN, BUSY, CLOSED/'
for compiler in gcc clang; do
    refuses 1 "new.o: enumerator 'CLOSED' is 3 and was 2, and the program may hold the old number: put new enumerators behind the old ones" \
        "numbers of an enumeration without a name may not change" "$compiler" -O1
done

# A literal whose address the program keeps and compares is the program's own, and strings that moved are no change.
cat >subject.c <<'C'
#include <string.h>
static const char *const NONE = "none";
static const char *name;
__attribute__((noinline)) void clear(void) { name = NONE; }
__attribute__((noinline)) const char *text(long n) { return n ? "some" : "few"; }
__attribute__((noinline)) long get(long n)
{
    return name == NONE ? n : 1000 + (long)strlen(text(n));
}
long probe(long n)
{
    if (n == 0)
        clear();
    return get(n);
}
C
fixed '/^__attribute__.*get/,/^}/{s/return name/if (strcmp(text(n), "a new one") == 0) n += 7;\n    return name/;s/ ? n :/ ? n + 100 :/}'
for compiler in gcc clang; do
    for flags in -O0 -O1 -O2 -Os '-O0 -fno-pie' '-O2 -fno-pie'; do
        link=()
        [ "$flags" = "${flags%-fno-pie}" ] || link=(-no-pie)
        # shellcheck disable=SC2086 # two flags
        works "a literal keeps its identity" "0 5 ok 105 100 105" \
            'call 0\ncall 5\napply fix.hotfix\ncall 5\ncall 0\ncall 5\n' "$compiler" $flags
        is "$compiler $flags: nothing else changed" "$(grep -c ^changed build.log)" 1
    done
done
link=()

# A limit that grows by as many as lines were put above it; and the line of an assertion, which is none of the code.
cat >subject.c <<'C'
#include <assert.h>
#include <string.h>
static char name[64];
__attribute__((noinline)) long fill(const char *from, long room)
{
    long n = (long)strlen(from);
    assert(room < 60);
    memcpy(name, from, n = n < room ? n : room);
    return n;
}
__attribute__((noinline)) long limit(long n) { return n + fill("0123456789012345678901234567890123456789", 12); }
long probe(long n) { return limit(n); }
C
fixed '1i /* one */\n/* two */
s/789", 12/789", 14/'
for compiler in gcc clang; do
    for level in -O0 -O1 -O2 -Os; do
        works "a constant that moves with its line may be the fix" "13 ok 15" 'call 1\napply fix.hotfix\ncall 1\n' \
            "$compiler" "$level"
        is "$compiler $level: the line of an assertion is not" \
            "$(grep -h 'fill\|^changed' build.log | grep -v "^changed *new.o: probe$" | paste -sd/)" \
            "ignored  new.o: fill: only the line numbers of its assertions differ/changed  new.o: limit"
    done
done
finish
