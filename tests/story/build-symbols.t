#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What names mean to the linker: definitions that move to another file, that win over another one, that are weak, that
# several objects have. The patched program does what the fix says and keeps its state, or hotfix build says why not.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/story/symbols.sh
. "$STORY/symbols.sh"

### Definitions that move

tariffs() {
    file main.c <<'C'
#include "fix.h"
int price(int), tax(int), other(int), show(void), next(void);
int main(void) { next(); printf("%d %d\n", price(-5), tax(100) + other(0)); fix(); next();
    printf("%d %d %d\n", price(-5), tax(100) + other(0), show()); return 0; }
C
    file a.c <<'C'
#include <stdio.h>
int counter = 5;
int next(void) { return ++counter; }
#ifndef FIXED
__attribute__((noinline)) int price(int n) { printf("a "); return n * 3; }
#endif
__attribute__((noinline)) int tax(int n)
{
#ifdef FIXED
    return n / 5;
#else
    return n / 4;
#endif
}
C
    file b.c <<'C'
#include <stdio.h>
extern int counter;
int show(void) { printf("show "); return counter; }
__attribute__((noinline)) int other(int n) { printf("other "); return n; }
#ifdef FIXED
__attribute__((noinline)) int price(int n) { if (n < 0) return 0; printf("b "); return n * 3; }
#endif
C
}

scenario
tariffs
works "a function that moves to another file and is fixed there replaces the old one" \
    $'other a -15 25\nshow other 0 20 7'

scenario
LIBRARY=libtarget.so
tariffs
works "so it does in a library" $'other a -15 25\nshow other 0 20 7'

scenario
tariffs
compile || exit 1
rm old/a.o new/a.o proof/a.o
expect 1 "hotfix build: b.o: defines 'price' anew, and the target has it from another file: give the old and the new object of that file" \
    "of a function that moved, the file that it came from must be given" build

state() {
    file main.c <<'C'
#include "fix.h"
int next(void), show(void);
int main(void) { next(); next(); printf("%d\n", show()); fix(); next(); printf("%d\n", show()); return 0; }
C
    file a.c <<'C'
#include <stdio.h>
#ifdef FIXED
extern int counter;
#else
int counter = 5;
#endif
int next(void) { printf("next "); return ++counter; }
C
}
shown() {
    file "$1" <<C
#include <stdio.h>
#ifdef FIXED
int counter = $2;
int show(void) { printf("is "); return counter; }
#else
extern int counter;
int show(void) { return counter; }
#endif
C
}

scenario
state
shown b.c 5
works "a variable that moves to another file keeps its value" $'next next 7\nnext is 8'

scenario
state
shown b.c 6
refused 1 "b.o: counter: its initial value changed, and the target has set and used it already" \
    "a variable that moves and begins with another value is refused"

scenario
state
shown b.c 5
compile || exit 1
rm old/a.o new/a.o proof/a.o
ok "a variable that moved from a file that is not given is found in the target" build
is "it is told" "$(grep -c 'ignored  b.o: counter: the target has it from another file: it keeps its value' <(build))" 1

# Static variables that a function takes along.
carry() {
    scenario
    file main.c <<'C'
#include "fix.h"
int tick(void), other(void), keep(void);
int main(void) { keep(); other(); tick(); printf("%d\n", tick()); fix(); printf("%d\n", tick()); return 0; }
C
    file a.c <<'C'
#ifndef FIXED
static int total = 5;
int tick(void) { static int n; total += 100; return ++n + total; }
#endif
int keep(void) { return 7; }
C
}
carry
file b.c <<'C'
#ifdef FIXED
static int total = 5;
int tick(void) { static int n; total += 1000; return ++n + total; }
#endif
int other(void) { return 8; }
C
works "static variables of a function that moves keep their values" $'207\n1208'
carry
file b.c <<'C'
#ifdef FIXED
static int total = 6;
int tick(void) { static int n; total += 1000; return ++n + total; }
#endif
int other(void) { return 8; }
C
refused 3 "b.o: static variable 'total' is new, and a.o lost one of this name: cannot tell whether it goes on from that one's value; leave it in its file, or give a variable that is new another name" \
    "one that begins with another value is refused"

# tentative LINE: a common symbol in the release that the fix defines by LINE.
tentative() {
    scenario
    FLAGS+=(-fcommon)
    file main.c <<'C'
#include "fix.h"
void put(int); int get(void);
int main(void) { put(3); printf("%d\n", get()); fix(); printf("%d\n", get()); return 0; }
C
    file a.c <<C
#ifdef FIXED
$1
int get(void) { return shared + 11; }
#else
int shared;
int get(void) { return shared; }
#endif
C
    file b.c <<'C'
extern int shared;
void put(int n) { shared = n; }
C
}
tentative 'int shared = 1;'
refused 1 "a.o: defines 'shared' anew, and the target has it with another size or another initial value" \
    "a tentative definition that becomes one with a value is refused"
tentative 'int shared = 0;'
works "one that becomes one with none keeps its value" $'3\n14'

# A file that is renamed: all of it moves.
scenario
file main.c <<'C'
#include "fix.h"
int fee(int);
int main(void) { printf("%d\n", fee(1)); fix(); printf("%d\n", fee(1)); return 0; }
C
file one.c <<'C'
#ifndef FIXED
static int calls;
int total = 10;
__attribute__((noinline)) int fee(int n) { total += n; return total + ++calls; }
#endif
C
file two.c <<'C'
#ifdef FIXED
static int calls;
int total = 10;
__attribute__((noinline)) int fee(int n) { total += 100 * n; return total + ++calls; }
#endif
C
file rest.c <<'C'
int rest;
C
works "a file that is renamed and fixed: its functions are replaced, its variables stay" $'12\n113'

### Definitions that take another one's place

scenario
file main.c <<'C'
#include "fix.h"
int fee(int), mine(int);
int main(void) { printf("%d %d\n", fee(1), mine(1)); fix(); printf("%d %d\n", fee(1), mine(1)); return 0; }
C
file a.c <<'C'
__attribute__((weak, noinline)) int fee(int n) { return n + 1; }
C
file b.c <<'C'
int mine(int n)
{
#ifdef FIXED
    n += 100;
#endif
    return n * 7;
}
#ifdef FIXED
int fee(int n) { return n + 2; }
#endif
C
refused 1 "b.o: defines 'fee' anew, in the place of the one that the target has from a.o" \
    "a definition that wins over a weak one of the target is refused"

scenario
file main.c <<'C'
#include "fix.h"
int fee(int);
int main(void) { printf("%d\n", fee(1)); fix(); printf("%d\n", fee(1)); return 0; }
C
file a.c <<'C'
__attribute__((weak, noinline)) int fee(int n) { return n + 1; }
C
file b.c <<'C'
#ifndef FIXED
__attribute__((weak))
#endif
__attribute__((noinline)) int fee(int n) { return n + 2; }
int other(int n) { return n * 3; }
C
refused 1 "b.o: 'fee' was weak and takes precedence now over that of a.o, which the target may use" \
    "so is one that was weak itself, though its code is the same"

scenario
file main.c <<'C'
#include "fix.h"
int fee(int);
__attribute__((weak)) void hook(void);
int main(void) { printf("%d\n", fee(1)); fix(); printf("%d\n", fee(1)); return 0; }
C
file a.c <<'C'
__attribute__((weak)) void hook(void);
int fee(int n) { if (hook) hook(); return n; }
C
file b.c <<'C'
#ifdef FIXED
void hook(void) { __builtin_trap(); }
#endif
int rest;
C
refused 1 "b.o: defines 'hook' anew, and it is looked for already, and not found, by a.o" \
    "a definition of what the target looked for in vain is refused"

scenario
file main.c <<'C'
#include "fix.h"
int fee(int);
int main(void) { printf("%d\n", fee(1)); fix(); printf("%d\n", fee(1)); return 0; }
C
file a.c <<'C'
int atoi(const char *);
int fee(int n)
{
#ifdef FIXED
    n++;
#endif
    return n + atoi("1");
}
#ifdef FIXED
int atoi(const char *text) { return 5; }
#endif
C
refused 1 "a.o: defines 'atoi' anew, and the rest of the target uses that of a library: give it another name" \
    "a function that the target has from a library cannot become its own"

scenario
hook() {
    file main.c <<'C'
#include "fix.h"
int fee(int);
int main(void) { printf("%d\n", fee(1)); fix(); printf("%d\n", fee(1)); return 0; }
C
}
hook
file a.c <<'C'
__attribute__((weak, noinline)) int hook(int n) { return n + 40; }
int fee(int n) { return hook(n) * 3; }
C
file b.c <<'C'
#ifndef FIXED
int hook(int n) { return n + 5; }
#endif
int rest;
C
refused 1 "b.o: 'hook' is gone, so that the weak one of a.o would be used now, and the target keeps using the old one: keep it, and give it the code of the other one" \
    "a definition that goes, so that a weak one would take its place, is refused"

second() {
    scenario
    hook
    file a.c <<'C'
__attribute__((weak, noinline)) int hook(int n) { return n * n + 5; }
C
    file b.c <<'C'
__attribute__((weak, noinline)) int hook(int n)
{
#ifdef FIXED
    n += 7;
#endif
    return n * n + 40;
}
int fee(int n) { return hook(n) * 3; }
C
}
second
refused 1 "nothing of the fix is in target: no function of it differs in a.o, b.o" \
    "a weak function in whose place the target has another object's is not replaced, though its code is there"
second
FLAGS+=(-ffunction-sections)
RELEASE=("-Wl,--gc-sections")
refused 3 "b.o: function 'hook' is weak, and what target has under this name is not the code of the old object: it may be another object's; give all objects of the release with --old and --new, and those that it was linked from with --proof" \
    "so is one whose code is not there, where nothing says whose the other one is"

scenario
file main.c <<'C'
#include "fix.h"
int fee(int);
int main(void) { printf("%d\n", fee(1)); fix(); printf("%d\n", fee(1)); return 0; }
C
file a.c <<'C'
#ifdef FIXED
int fee(int n) { static int paid; return (paid += n) + 10; }
#else
static int paid;
int fee(int n) { return paid += n; }
#endif
C
refused 3 "a.o: variable 'paid.0' is new, and 'paid' of a.o is gone, in whose place it may be: it would lose the value that the program holds; keep the old variable where it is, or, if the new one may begin anew, give it a name of its own and keep the old one beside it with __attribute__((used))" \
    "a variable that moves into a function is refused, which would begin anew"
file a.c <<'C'
#ifdef FIXED
static int paid __attribute__((used));
int fee(int n) { static int total; return (total += n) + 10; }
#else
static int paid;
int fee(int n) { return paid += n; }
#endif
C
works "the advice is true: beside the old one it may begin anew" $'1\n11'

### Weak definitions, of which the linker took another object's

scenario
file low.h <<'C'
__attribute__((weak)) const unsigned char low[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
C
cp before/low.h .
file main.c <<'C'
#include "fix.h"
int first(int), second(int), third(int), limit(int);
int main(void) { printf("%d\n", limit(150) + first(1)); fix(); printf("%d %d %d\n", limit(150), second(2), third(3)); return 0; }
C
file a.c <<'C'
#include "low.h"
int first(int x) { return low[x & 15]; }
C
file b.c <<'C'
#include "low.h"
const int cap[8] = {3, 1, 4, 1, 5, 9, 2, 6};
int second(int x) { return low[x & 15] + 1; }
int third(int x) { return cap[x & 7]; }
int limit(int x)
{
#ifdef FIXED
    return x > 120 ? low[5] : x;
#else
    return x > 100 ? 100 : x;
#endif
}
C
works "a weak constant may be another object's" $'102\n6 4 1'

### What nothing refers to

# A program of two files; standard input is the second one, in which fee() is fixed.
program() {
    scenario
    file main.c <<'C'
#include "fix.h"
long fee(long);
int main(void) { printf("%ld\n", fee(2)); fix(); printf("%ld\n", fee(2)); return 0; }
C
    file a.c
}

program <<'C'
struct command { const char *name; long (*run)(long); };
extern const struct command __start_commands[], __stop_commands[];
static long one(long n) { return n + 1; }
static const struct command command_one __attribute__((section("commands"), used)) = {"one", one};
#ifdef FIXED
static long two(long n) { return n * 100; }
static const struct command command_two __attribute__((section("commands"), used)) = {"two", two};
#endif
long fee(long n)
{
    long sum = 0;
    for (const struct command *c = __start_commands; c < __stop_commands; c++)
        sum += c->run(n);
    return sum;
}
C
refused 1 "a.o: section commands differs (command_two), and the target walks through it from __start_commands to __stop_commands, where a patch can add, change and remove nothing" \
    "a new entry of a set that the linker puts together"

program <<'C'
extern const long __start_keys[], __stop_keys[];
long fee(long n)
{
    __asm__ volatile(".pushsection keys,\"a\"\n.quad 7\n"
#ifdef FIXED
                     ".quad 8\n"
#endif
                     ".popsection");
    return n * n + (__stop_keys - __start_keys);
}
C
refused 1 "a.o: section keys differs (keys), and the target walks through it from __start_keys to __stop_keys, where a patch can add, change and remove nothing" \
    "so is what inline assembly pushes there, though the code is the same"

program <<'C'
long fee(long n)
{
    __asm__ volatile(".pushsection .table,\"a\"\n"
#ifdef FIXED
                     ".quad 8\n"
#else
                     ".quad 7\n"
#endif
                     ".popsection");
    return n * n + 100;
}
C
refused 3 "a.o: .table in section .table is new and nothing refers to it, so that whatever finds it in the target would not find it in a patch" \
    "a piece without a name that nothing refers to"

program <<'C'
__asm__(".section .note.mine,\"a\",@note\n.long 4, 4, 1\n.asciz \"abc\"\n"
#ifdef FIXED
        ".long 2\n"
#else
        ".long 1\n"
#endif
        ".text");
long fee(long n) { return n * n + 100; }
C
refused 1 "a.o: note section .note.mine changed, and the target keeps its own: compile both objects alike" "a note"

program <<'C'
#ifdef FIXED
static const char marker[] __attribute__((section("markers"), used)) = "fixed";
#endif
long fee(long n)
{
#ifdef FIXED
    n++;
#endif
    return n * n + 100;
}
C
refused 3 "a.o: marker in section markers is new and nothing refers to it, so that whatever finds it in the target would not find it in a patch" \
    "a variable in a section of its own that the compiler had to keep"

program <<'C'
__attribute__((section("fast"), noinline)) long fee(long n)
{
#ifdef FIXED
    n++;
#endif
    return n * n + 100;
}
C
works "a function in a section that the source names is replaced" $'104\n109'

program <<'C'
extern char __start_fast[], __stop_fast[];
__attribute__((section("fast"), noinline)) long fee(long n)
{
#ifdef FIXED
    n++;
#endif
    return n * n + 100 + (__stop_fast < __start_fast);
}
C
refused 1 "a.o: section fast differs (fee), and the target walks through it from __start_fast to __stop_fast, where a patch can add, change and remove nothing" \
    "where the target asks for that section's bounds, it is not"

program <<'C'
long fee(long n)
{
#ifdef FIXED
    n++;
#endif
    return n * n + 100;
}
C
file b.c <<'C'
#ifdef FIXED
long registered;
__attribute__((constructor)) static void enter(void) { registered = 1; }
#endif
C
refused 1 "b.o: the new file has constructors or destructors (.init_array): they do not run for a patch, use the hook hotfix_on_apply" \
    "a new file of which nothing but a constructor counts"

### State that is in the source alone

program <<'C'
static long last;
long fee(long n)
{
    long old = 0;
#ifdef FIXED
    old = last;
#endif
    last = n;
    return n * n + 100 + old;
}
C
refused 3 "a.o: variable 'last' is in the source of the release, but its compiler left it out, since nothing used its value: what it would hold by now is nowhere; if it may begin anew, give it another name" \
    "a variable that the release's compiler left out"

program <<'C'
static long last;
long fee(long n)
{
#ifdef FIXED
    static long fresh;
    n += fresh++;
#endif
    last = n;
    return n * n + 100;
}
C
works "one that is new begins anew" $'104\n104'

program <<'C'
static long limit = 5;
long set(long n)
{
#ifdef FIXED
    return n;
#else
    return limit = n;
#endif
}
long fee(long n) { return n * n + limit; }
C
refused 3 "a.o: the fix still declares variable 'limit', but its compiler left it out, since nothing reads it or nothing writes to it any more: new code may have its initial value in the place of what the target holds; declare it volatile, or remove it" \
    "a variable whose last writer is gone"
program <<'C'
#ifdef FIXED
static volatile long limit = 5;
#else
static long limit = 5;
#endif
long set(long n)
{
#ifdef FIXED
    return n;
#else
    return limit = n;
#endif
}
long fee(long n) { return n * n + limit; }
C
works "it stays where it is declared volatile, as the advice says" $'9\n9'

# clang makes two variables of the structure, and one of them is left out.
program <<'C'
static struct { long rate, limit; } terms;
long set(long n)
{
    terms.rate += n;
#ifndef FIXED
    terms.limit = n;
#endif
    return terms.rate;
}
long limit(void) { return terms.limit; }
long fee(long n) { return n * n + set(n) + limit(); }
C
compiler=$CC
CC=clang FLAGS+=(-grecord-command-line)
refused 3 "a.o: the fix still declares variable 'terms.1', but its compiler left it out, since nothing reads it or nothing writes to it any more: new code may have its initial value in the place of what the target holds; declare it volatile, or remove it" \
    "a part of a structure whose last writer is gone"
CC=$compiler

### Names that are aliases

scenario
LIBRARY=libtarget.so RELEASE=("-Wl,--version-script=map")
echo 'SHOP_1 { global: fee; toll; local: *; }; SHOP_2 { global: fee; } SHOP_1;' >map
file main.c <<'C'
#include "fix.h"
long fee(long), toll(long), old(long);
__asm__(".symver old, fee@SHOP_1");
int main(void) { printf("%ld %ld %ld\n", fee(250), old(250), toll(250)); fix(); printf("%ld %ld %ld\n", fee(250), old(250), toll(250)); return 0; }
C
file a.c <<'C'
long fee_1(long cents)
{
#ifdef FIXED
    return (cents * 15 + 50) / 100;
#else
    return cents / 100 * 15;
#endif
}
__asm__(".symver fee_1, fee@SHOP_1");
extern __typeof(fee_1) toll_1 __attribute__((alias("fee_1")));
__asm__(".symver toll_1, toll@@SHOP_1");
long fee_2(long cents)
{
#ifdef FIXED
    return (cents * 16 + 50) / 100;
#else
    return cents / 100 * 16;
#endif
}
__asm__(".symver fee_2, fee@@SHOP_2");
C
works "functions with versioned names, one name in two versions" $'32 30 30\n40 38 38'

scenario
LIBRARY=libtarget.so
file main.c <<'C'
#include "fix.h"
extern long limit;
long fee(long);
int main(void) { limit = 200; printf("%ld\n", fee(250)); fix(); printf("%ld\n", fee(250)); return 0; }
C
file a.c <<'C'
extern long limit;
extern __typeof(limit) limit __asm__("__GI_limit") __attribute__((visibility("hidden")));
long fee(long cents)
{
    if (cents <= limit)
        return 0;
#ifdef FIXED
    return (cents * 15 + 50) / 100;
#else
    return cents / 100 * 15;
#endif
}
C
file b.c <<'C'
long limit = 100;
extern __typeof(limit) hidden_limit __asm__("__GI_limit") __attribute__((alias("limit"), visibility("hidden")));
C
works "a variable through its hidden alias is typed by its other name" $'30\n38'

### What the process decides

copied() {
    file main.c <<'C'
#include "fix.h"
extern int verbose;
int work(int);
int main(void) { verbose = 1; printf("%d\n", work(1)); fix(); printf("%d\n", work(1)); return 0; }
C
    file a.c <<'C'
int verbose;
int helper(int n) { return n + 7; }
int other(int n) { return n + 3; }
int inner(int n) { return other(n) * 2; }
int work(int n)
{
#ifdef FIXED
    return verbose ? helper(n) : -1;
#else
    return n * n + n / 3 + 1;
#endif
}
C
}

scenario
LIBRARY=libtarget.so
copied
works "a variable that the program has by a copy relocation and no old code used is the program's" $'2\n8'

# takes_over [FLAG...]: the program has a helper of its own
takes_over() {
    scenario
    LIBRARY=libtarget.so RELEASE=("$@")
    copied
    echo 'int helper(int n) { return n * 1000; }' >>before/main.c
}

far="error fix-up 0: the definition that this process uses in the place of one that ./libtarget.so exports is out of reach of a direct reference"
takes_over
compile && build >/dev/null && hotfix pack --target libtarget.so --patch patch.so --key key.key --name fix --version 1 -o fix.hotfix >log 2>&1
is "so is a function, which a direct call does not reach" "$(./target)" $'2\n'"$far"$'\n2'

FLAGS+=(-fno-plt)
works "and a call through a slot does" $'2\n1000'

takes_over -Wl,-Bsymbolic
works "a library that looks into itself first calls its own" $'2\n8'

takes_over -Wl,-Bsymbolic-functions
works "where it may be that it does, the bundle is refused" \
    $'2\n'"error fix-up 0: another definition of 'helper' takes the place of that of ./libtarget.so in this process, and it is not known which of them the library itself uses"$'\n2'

### Files of other programs

# Nothing in the target tells which files it was made of, and the release was compiled without the section options.
scenario
RELEASE=("-Wl,-x")
file main.c <<'C'
#include "fix.h"
int check(const char *), fee(int);
int main(void) { printf("%d %d\n", check("x"), fee(100)); fix(); printf("%d %d\n", check("x"), fee(100)); return 0; }
C
file a.c <<'C'
static long seen[4];
static __attribute__((noinline)) int checked(const char *s)
{
    seen[1]++;
#ifdef FIXED
    if (s[0] == 'x')
        return 0;
#endif
    return seen[1] > 0;
}
int check(const char *s) { seen[0]++; return checked(s); }
C
file b.c <<'C'
int fee(int n)
{
#ifdef FIXED
    return n / 5;
#else
    return n / 4;
#endif
}
C
works "a target without file symbols: all of the fix is found" $'1 25\n0 20'
compile
run hotfix build --target target --old old --new new -o patch.so
is "and half of it is not taken for another program's" "$status $(grep -c "a.o: is not the object that target was linked from: .* if the release was compiled without the section options, give --proof" "$ERR")" "1 1"

# A tree of two programs.
file tool.c <<'C'
int printf(const char *, ...);
int tool(int n)
{
#ifdef FIXED
    n += 2;
#endif
    return printf("tool %d\n", n * 3);
}
C
objects before old "${SECTIONS[@]}" && objects after new "${SECTIONS[@]}" && objects before proof || exit 1
ok "a file of which nothing is in the target" build
is "is another program's" "$(build | grep -c 'ignored  tool.o: tool.c: the target was not made of it')" 1

finish
