#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What hotfix build refuses, and the sentence that says why; what it takes for no change at all.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

# The sentences depend on what a compiler makes of a change: clang runs a simple constructor at compile time, for one.
CC=gcc
FLAGS=(-g -O2 -w -ffunction-sections -fdata-sections)

# The release: base.c, and main.c beside it.
cat >main.c <<'C'
int work(int);
int main(int argc, char **argv)
{
    return work(argc);
}
C
cat >base.c <<'C'
#include <stdlib.h>
struct order { int id; short kind; };
struct order first = {1, 2};
struct all { struct order order; int count; };
struct all every;
int limit = 10;
static int hidden = 3;
const char *label = "label";
__attribute__((noinline)) static int helper(int value) { return value * hidden + limit; }
int work(int value) { first.id += value; every.count++; hidden++; return helper(value) + first.kind + label[0]; }
C

# build NAME SOURCE-EDIT [FLAG...]: compiles base.c as edited by sed to new.o, and builds
compile() {
    local edit=$1
    shift
    mkdir -p source
    sed "$edit" base.c >source/base.c
    "$CC" "${FLAGS[@]}" "$@" -c source/base.c -o new.o
}

setup() {
    mkdir -p source
    cp base.c source
    "$CC" "${FLAGS[@]}" "$@" -c source/base.c -o old.o &&
        "$CC" "${FLAGS[@]}" "$@" -c main.c -o main.o &&
        "$CC" "$@" -Wl,--build-id -o target main.o old.o
}

# refused STATUS SENTENCE CLAIM EDIT
refused() {
    local wanted_status=$1 sentence=$2 claim=$3
    compile "$4" || exit 1
    rm -f patch.so
    expect "$wanted_status" "hotfix build: $sentence" "$claim" \
        hotfix build --target target --old old.o --new new.o -o patch.so
    [ ! -e patch.so ] || result 1 "$claim: nothing is written"
}

setup || exit 1

refused 1 "nothing of the fix is in target: no function of it differs in new.o" "equal objects are no patch" ''
refused 1 "new.o: limit: its initial value changed, and the target has set and used it already" \
    "a changed initial value is refused" 's/limit = 10/limit = 11/'
refused 1 "new.o: hidden: its size changed, and the target's copy cannot grow or shrink" \
    "a changed size is refused" 's/static int hidden/static long hidden/'
refused 1 "new.o: the layout of 'struct order' changed, and the program may hold objects of it: member 'more' is new; keep it in shadow data instead, see hotfix(3)" \
    "a structure that gained a member is refused with the member" 's/short kind; }/short kind; int more; }/'
refused 1 "new.o: the layout of 'struct order' changed, and the program may hold objects of it: member 'more' is new; keep it in shadow data instead, see hotfix(3)" \
    "so is one that kept its size" 's/short kind; }/short kind; char more; }/; s/value \* hidden/value - hidden/'
refused 1 "new.o: the layout of 'struct order' changed, and the program may hold objects of it: member 'more' is new; keep it in shadow data instead, see hotfix(3)" \
    "so is one that gained it in the middle and lies within another" 's/short kind; }/short more; int x; short kind; }/'
refused 1 "new.o: the layout of 'struct order' changed, and the program may hold objects of it: member 'kind' is gone" \
    "so is one that lost a member" 's/short kind; }/}/; s/= {1, 2}/= {1}/; s/first.kind/0/'
refused 1 "new.o: the layout of 'struct all' changed, and the program may hold objects of it: its size is 12 bytes, in the patch 16" \
    "so is one that is larger" 's/int count; }/int count; } __attribute__((aligned(16)))/'
refused 1 "new.o: label: its initial value changed, and the target has set and used it already" \
    "a pointer to another string is refused" 's/"label"/"other"/'
refused 1 "new.o: limit: it changed between constant and variable, or between thread-local and shared" \
    "a variable that became constant is refused" 's/int limit/const int limit/'
# shellcheck disable=SC2016
refused 1 "new.o: its constructors or destructors changed (.init_array): they do not run for a patch, use the hook hotfix_on_apply" \
    "a new constructor is refused" '$a __attribute__((constructor)) static void begin(void) { limit++; }'
refused 1 "new.o: thread-local variable 'mine' is new: the threads that run already have no room for it" \
    "a new thread-local variable is refused" 's/^int limit/__thread int mine; int limit/; s/hidden++/hidden++; mine++/'
refused 1 "new.o: 'work' refers to 'nowhere', which neither the new objects nor target nor its libraries define" \
    "an undefined symbol is refused" 's/hidden++/hidden++; nowhere()/'

compile 's/value \* hidden/value - hidden/'
cp old.o saved.o
sed 's/hidden++/hidden--/' base.c >source/base.c
"$CC" "${FLAGS[@]}" -c source/base.c -o old.o
run hotfix build --target target --old old.o --new new.o -o patch.so
is "old objects of another source are refused" "$status" 1
is "with the first function and byte that differ" "$(sed 's/byte 0x[0-9a-f]*/byte N/' "$ERR")" \
    "hotfix build: old.o: is not the object that target was linked from: function 'work' differs at byte N (1 of its functions differ, 1 are equal); if the release was compiled without the section options, give --proof"
cp saved.o old.o

"$CC" "${FLAGS[@]}" -flto -c source/base.c -o new.o
expect 1 "hotfix build: new.o: holds no code, only what link-time optimisation needs: compile it without -flto, or with -ffat-lto-objects" \
    "objects of link-time optimisation are refused" hotfix build --target target --old old.o --new new.o -o patch.so

clang -O2 -flto -c source/base.c -o new.o
expect 1 "hotfix build: new.o: is LLVM bitcode and holds no code: compile it without -flto" \
    "so is LLVM bitcode" hotfix build --target target --old old.o --new new.o -o patch.so

sed 's/value \* hidden/value - hidden/' base.c >source/base.c
"$CC" -g -O2 -w -c source/base.c -o new.o
cp base.c source/base.c
"$CC" -g -O2 -w -c source/base.c -o plain.o
"$CC" -Wl,--build-id -o plain main.o plain.o
expect 1 "hotfix build: new.o: .text: a section with several functions changed: compile with -ffunction-sections" \
    "objects without section options are refused" hotfix build --target plain --old plain.o --new new.o -o patch.so

"$CC" -Wl,--build-id=none -o bare main.o old.o
expect 1 "hotfix build: bare: has no build-id: link it with -Wl,--build-id" "a target without build-id is refused" \
    hotfix build --target bare --old old.o --new new.o -o patch.so

if [ "$(uname -m)" = aarch64 ]; then
    result 0 "a relocation that is not supported # SKIP no option of compilers for arm64 makes one"
else
    for step in 1 2; do
        echo "int state; int work(int value) { return state += value * $step; }" >source/base.c
        "$CC" -g -O2 -fPIC -mcmodel=large -ffunction-sections -fdata-sections -c source/base.c -o large$step.o
    done
    "$CC" -g -c main.c -o main.o
    "$CC" -Wl,--build-id -o large main.o large1.o
    run hotfix build --target large --old large1.o --new large2.o -o patch.so
    is "a relocation that is not supported is refused, with the function" \
        "$status $(sed 's/type [0-9]* at byte 0x[0-9a-f]*/type T at byte N/' "$ERR")" \
        "3 hotfix build: large1.o: function 'work' has a relocation of type T at byte N, which is not supported; a code model (-mcmodel) may be the reason"
fi

# A constructor of the release changes.
echo '__attribute__((constructor)) static void begin(void) { limit++; }' >>base.c
setup || exit 1
refused 1 "new.o: begin: a constructor or destructor changed" "a changed constructor is refused" 's/{ limit++/{ limit += 7/'
sed -i '$d' base.c

# Variables side by side in one section.
printf '%s\n' 'int state = 5;' 'int work(int value) { return state += value; }' >base.c
setup -fno-data-sections || exit 1
compile '1i int more = 7;
s/state += value/state += value + more++/' -fno-data-sections
run hotfix build --target target --old old.o --new new.o -o patch.so
is "variables that share a section are refused with what keeps them apart" "$status $(sed 's/new.o: [a-z]*:/X/' "$ERR")" \
    "1 hotfix build: X its size changed, and the target's copy cannot grow or shrink; it is one of several variables in one section: compile with -fdata-sections, and with clang for arm64 with -mno-global-merge, too"

# Folded functions.
cat >base.c <<'C'
int state;
__attribute__((noinline)) int twin_a(int value) { state += value; return state * 3 + value; }
__attribute__((noinline)) int twin_b(int value) { state += value; return state * 3 + value; }
int work(int value) { return twin_a(value) + twin_b(value); }
C
setup -fuse-ld=lld -Wl,--icf=all -fno-ipa-icf || exit 1
compile '2s/value; }/value + 5; }/' -fno-ipa-icf
run hotfix build --target target --old old.o --new new.o -o patch.so
is "a function that the linker folded with another is refused" \
    "$(sed "s/'twin_[ab]'/X/g" "$ERR")" \
    "hotfix build: new.o: function X shares its code in target with X: the linker folded them, and a patch would change both"
separate=$(sed -n 3p base.c)
sed -i '3s/.*/extern __typeof(twin_a) twin_b __attribute__((alias("twin_a")));/' base.c
setup || exit 1
compile "2s/value; }/value + 5; }/; 3s/.*/$separate/"
run hotfix build --target target --old old.o --new new.o -o patch.so
is "so is one that was an alias of another" "$(sed "s/'twin_[ab]'/X/g" "$ERR")" \
    "hotfix build: new.o: functions X and X share their code in the target and no longer do in the new object"

# No change at all.
cat >base.c <<'C'
#include <assert.h>
#include <stdlib.h>
int state;
int work(int value)
{
    assert(value > 0);
    if (value == 77)
        abort();
    assert(value < 100);
    return state += value;
}
__attribute__((noinline)) int other(int value)
{
    assert(value > 1);
    return value + state;
}
C
setup || exit 1
compile '3i /* one\n * two\n * three */'
expect 1 "hotfix build: nothing of the fix is in target: no function of it differs in new.o" "line numbers in assertions alone are no change" \
    hotfix build --target target --old old.o --new new.o -o patch.so
is "and each function is named with the reason" "$(cat "$OUT")" \
    "ignored  new.o: work: only the line numbers of its assertions differ
ignored  new.o: other: only the line numbers of its assertions differ"
compile '3i /* one */
s/value == 77/value == 78/'
run hotfix build --target target --old old.o --new new.o -o patch.so
is "a constant beside them is a change" "$(grep -c '^changed  new.o: work$' "$OUT")" 1

# A direct reference to what the target does not import yet.
cat >base.c <<'C'
#include <stdio.h>
static __thread int calls;
static int state = 5;
int work(int value) { calls++; return state += value; }
C
# What compilers for arm64 refer to directly only without -fPIE.
direct=(-fPIE -pie)
type=2
[ "$(uname -m)" != aarch64 ] || { direct=(-fno-pie -no-pie) && type=275; }
setup "${direct[@]}" || exit 1
compile 's/calls++;/calls++; fputs("text", stdout);/' "${direct[0]}"
expect 1 "hotfix build: new.o: 'work' refers to 'stdout' (relocation type $type): a direct reference to what another library has and the target does not import; compile this file with -fPIC" \
    "a direct reference to what the target does not import is refused" \
    hotfix build --target target --old old.o --new new.o -o patch.so
cp new.o kept.o
compile 's/calls++;/calls++; fputs("text", stdout);/' -fPIC
mv new.o pic.o
mv kept.o new.o
expect 0 "" "an object compiled with -fPIC serves, thread-local variables included" \
    hotfix build --target target --old old.o --new new.o --pic pic.o -o patch.so

# Loops that are never left.
cat >base.c <<'C'
int state;
int tick(void) { return ++state; }
int work(int value) { while (tick() < 1000 * value) tick(); return state; }
C
setup -fno-inline || exit 1
compile 's/1000/1001/' -fno-inline
expect 0 "hotfix build: warning: new.o: work: main calls it and it loops over calls: if that is the program's main loop, the patch is not applied while it runs" \
    "a loop that main calls is warned of" hotfix build --target target --old old.o --new new.o -o patch.so

# What does not fit into a patch is told with the limit, before anything is linked.
setup || exit 1
compile 's/int state;/int state; char room[1L << 30];/; s/1000/(1000 + room[value])/'
run hotfix build --target target --old old.o --new new.o -o patch.so
is "an array that is too large for a patch is refused with the limit" \
    "$status $(sed 's/brings [0-9]* bytes/brings N bytes/' "$ERR")" \
    "5 hotfix build: the fix brings N bytes, of which 'room' of new.o takes 1073741824; a patch holds at most 201326592 bytes in memory: allocate such room when it is used"
compile 's/int state;/int state; char room[100L << 20];/; s/1000/(1000 + room[value])/'
expect 0 "" "one that fits is taken" hotfix build --target target --old old.o --new new.o -o patch.so

# functions VALUE: an object of 10,001 functions and main()
functions() {
    awk -v value="$1" 'BEGIN {
        for (i = 0; i <= 10001; i++) {
            name = (i > 10000) ? "main" : ("fee" i)
            printf ".section .text.%s,\"ax\",@progbits\n.globl %s\n.type %s,@function\n", name, name, name
            printf "%s:\nmovl $%d,%%eax\nret\n.size %s,.-%s\n", name, (i > 10000 ? 0 : value), name, name
        }
        print ".section .note.GNU-stack,\"\",@progbits" }' >many.s
    "$CC" -c many.s -o "$2"
}
if [ "$(uname -m)" = x86_64 ]; then
    functions 1 old.o && functions 2 new.o && "$CC" -Wl,--build-id -o target old.o || exit 1
    expect 5 "hotfix build: 10001 functions of target change, and a bundle replaces 10000 at most: start the program anew with the fix" \
        "more functions than a bundle holds are told with the limit" \
        hotfix build --target target --old old.o --new new.o -o patch.so
fi
finish
