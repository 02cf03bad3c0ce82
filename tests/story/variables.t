#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The target's variables that a new function uses must be to it what they are to the target.
. "$(dirname "$0")/lib.sh"

cat >shop.c <<'SOURCE'
#include <stdio.h>

struct rate {
    int percent;
    int steps[4];
};
int total;
int limit = 7;
const int minimum = 3;
volatile int stop;
__thread int calls;
struct rate rate = {3, {1}};
long table[8];
int other;
static int hidden;
SOURCE
cat >fee.c <<'SOURCE'
__attribute__((noinline, used)) int fee(int value)
{
    static int last;
    total += value;
    calls++;
    hidden += value;
    last += hidden;
    while (stop)
        total++;
    return total + limit + minimum + rate.steps[value & 3] + (int)table[value & 7] + calls + last;
}
SOURCE
cat >main.c <<'SOURCE'
int main(int argc, char **argv)
{
    (void)argv;
    other = argc;
    printf("%d %d\n", fee(argc), other);
    return 0;
}
SOURCE
cat >declarations.c <<'SOURCE'
struct rate {
    int percent;
    int steps[4];
};
extern int total;
extern int limit;
extern const int minimum;
extern volatile int stop;
extern __thread int calls;
extern struct rate rate;
extern long table[8];
extern int other;
SOURCE
sed '/hidden/d; /last/d; s/ + last//' fee.c >body.c
sed -i 's/calls + last;/calls + last + 0;/' fee.c
echo '    return total + limit + minimum + rate.steps[value & 3] + (int)table[value & 7] + calls;' >>body.c
sed -i '/^}$/d' body.c && echo '}' >>body.c
cat shop.c fee.c main.c >target.c

record=
case $($CC --version) in *clang*) record=-grecord-command-line ;; esac
options="-O2 -g $record"
# shellcheck disable=SC2086
$CC $options -rdynamic -Wl,--build-id -o shop target.c || exit 1

# patch SED: patch.so of declarations that sed changed.
patch() {
    { sed "$1" declarations.c && cat body.c; } >fix.c
    # shellcheck disable=SC2086
    $CC $options -fPIC -shared -o patch.so fix.c || exit 1
}

# verdict: what the check of variables says, with the evidence of what it has against the patch.
verdict() {
    run hotfix check --target shop --patch patch.so "$@"
    awk '/^[a-z]/ { on = $2 == "variables" } on && /^[a-z]/ { print $1 } on && /^    [^ ]/ && !/^    to do:/' "$OUT" |
        sed 's/^    //; s/ (target.c:[0-9]*, in the patch [a-z]*.c:[0-9]*)//' | tr '\n' '|'
}

refuses() {
    patch "$2"
    is "refused: $1" "$(verdict --func fee)" "$3|"
}

accepts() {
    patch "$2"
    is "accepted: $1" "$(verdict --func fee)" "compatible|"
}

refuses "a plain variable as thread-local" 's/extern int total/extern __thread int total/' \
    "incompatible|fee (target.c): total is thread-local in the patch, and not in the target"
refuses "a thread-local variable as a plain one" 's/__thread //' \
    "incompatible|fee (target.c): calls is thread-local in the target, and not in the patch"
refuses "a constant of the same name" 's/extern int limit/static const int limit = 7; __attribute__((used)) const int *where = \&limit; extern int spare/' \
    "incompatible|the patch has 'limit' as a constant of its own, the target as a variable"

accepts "the same declarations" ''
accepts "a variable that only other functions use" 's/int other/float other/'
accepts "another name of the same type" 's/^extern long/typedef long number;\nextern number/'
accepts "an array without its length" 's/table\[8\]/table[]/'
accepts "volatile where the target is not" 's/extern int limit/extern volatile int limit/'
accepts "a variable that comes with the patch" 's/^extern int other/int brand_new/'

# clang records no declarations of what another unit defines, so nothing is to be compared.
declared=yes
case $($CC --version) in *clang*) declared= ;; esac
if [ "$declared" ]; then
refuses "another type" 's/int total/float total/' "incompatible|fee (target.c): total is 'int', in the patch 'float'"
ok "with where each is declared" grep -q '(target.c:7, in the patch fix.c:5)$' "$OUT"
refuses "another size" 's/int limit/long limit/' "incompatible|fee (target.c): limit is 'int', in the patch 'long int'"
refuses "more elements" 's/table\[8\]/table[16]/' "incompatible|fee (target.c): table is 'long int [8]', in the patch 'long int [16]'"
refuses "what the target changes as a constant" 's/int limit/const int limit/' \
    "incompatible|fee (target.c): limit is constant in the patch, and not in the target"
refuses "a constant as something to be written" 's/const int minimum/int minimum/' \
    "incompatible|fee (target.c): minimum is constant in the target, and not in the patch"
refuses "what others change at any time as something quiet" 's/volatile int stop/int stop/' \
    "incompatible|fee (target.c): stop is volatile in the target, and not in the patch"
ALIGNED='incompatible|fee (target.c): total is aligned to 4096 bytes in the patch, and not in the target'
refuses "more alignment than it has" 's/int total/int total __attribute__((aligned(4096)))/' "$ALIGNED"
refuses "that of a type's name" 's/^extern int total/typedef int page __attribute__((aligned(4096)));\nextern page total/' "$ALIGNED"
accepts "an alignment that it has" 's/int total/int total __attribute__((aligned(4)))/'

# The unit of the function need not have known the variable.
sed 's/^extern int other;//' declarations.c >unit.c
sed 's/ + calls;/;/' body.c >>unit.c
sed 's/__attribute__.*fee/int fee/; s/^__thread/extern &/' shop.c >rest.c
echo 'int fee(int);' >>rest.c && cat main.c >>rest.c
sed -i 's/^static int hidden;//; s/^extern __thread/__thread/' rest.c
# shellcheck disable=SC2086
$CC $options -rdynamic -Wl,--build-id -o shop unit.c rest.c || exit 1
cp unit.c kept.c
sed 's/total += value;/total += value + other;/; 1i extern int other;' kept.c >unit.c
# shellcheck disable=SC2086
$CC $options -fPIC -shared -o patch.so unit.c || exit 1
is "accepted: a variable that another unit defines" "$(verdict --func fee)" "compatible|"
sed -i 's/^extern int other/extern unsigned other/' unit.c
# shellcheck disable=SC2086
$CC $options -fPIC -shared -o patch.so unit.c || exit 1
is "refused: such a variable of another type" "$(verdict --func fee | sed 's/ (unit.c:.*)//')" \
    "incompatible|fee (unit.c): other is 'int', in the patch 'unsigned int' (rest.c:14, in the patch unit.c:1)|"
else
    patch 's/int total/float total/'
    run hotfix check --target shop --patch patch.so --func fee --json
    ok "told: variables without a declaration" grep -q '7 that clang records no declaration of' "$OUT"
fi

# What `hotfix build` binds: statics and thread-local variables too.
cp target.c shop.c
build() {
    local flags="$options -ffunction-sections -fdata-sections"
    # shellcheck disable=SC2086
    $CC $flags -c -o old.o shop.c && $CC -Wl,--build-id -o shop old.o && sed -i "$1" shop.c &&
        $CC $flags -c -o new.o shop.c &&
        hotfix build --target shop --old old.o --new new.o -o patch.so >/dev/null 2>&1
}
ok "a patch is built" build 's/calls++/calls += 2/'
is "accepted: what hotfix build binds to the target" "$(verdict)" "compatible|"
ok "each variable of it" grep -q 'both sides see [789] variables of the target alike' <(hotfix check --target shop --patch patch.so --json)
cp target.c shop.c
build 's/calls++/calls += 2/; s/^static int hidden/static unsigned hidden/' &&
    is "refused: another type of what it binds" "$(verdict | sed 's/ (shop.c:[0-9]*, in.*)//')" \
        "incompatible|fee (shop.c): hidden is 'int', in the patch 'unsigned int'|"

# A hidden variable is a local symbol of the library: a file that did not know it may use it, with its type.
cat >hidden.h <<'SOURCE'
typedef int (*callback)(int);
extern volatile int seen;
SOURCE
cat >hidden.c <<'SOURCE'
#include "hidden.h"
static int two(int x) { seen = x; return 2 * x; }
extern callback twice;
callback twice = two;
volatile int seen;
SOURCE
# use EXPRESSION TYPE
use() {
    cat >uses.c <<SOURCE
#include "hidden.h"
extern $2 twice;
__attribute__((visibility("default"))) int probe(int x) { seen = x; return $1 + 1; }
SOURCE
}
flags="-g -O2 -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections $RELEASE_CFLAGS"
use "2 * x" callback
run eval "$CC $flags -shared -Wl,--build-id -o hidden.so hidden.c uses.c && $CC $flags -c -o old.o uses.c"
use "twice(x)" callback
run eval "$CC $flags -c -o new.o uses.c"
expect 0 "" "a hidden variable of another file" hotfix build --target hidden.so --old old.o --new new.o -o patch.so
case $($CC --version) in
*clang*) ;; # tells no types of what a unit does not define
*)
    use "(int)(long)twice" "void *"
    run eval "$CC $flags -c -o new.o uses.c"
    run hotfix build --target hidden.so --old old.o --new new.o -o patch.so
    is "with another type it is refused" "$status $(grep -cF "twice is 'int (*)(int)', in the patch 'void *'" "$ERR")" "3 1"
    ;;
esac
# A new function in another file than the one that changed uses a static variable there.
mkdir -p apart/old apart/new apart/source
cat >apart/state.c <<'SOURCE'
#ifdef FIXED
static TYPE level = 8;
int raise(int by)
{
    return level + by;
}
#else
static int level = 8;
#endif
int peek(void)
{
    return (int)level++;
}
SOURCE
cat >apart/use.c <<'SOURCE'
int peek(void), raise(int by);
__attribute__((noinline)) int work(int n)
{
#ifdef FIXED
    n += raise(n);
#endif
    return n * 3 + 1;
}
int main(int c, char **v)
{
    return work(c) + peek();
}
SOURCE
flags="-g -O1 -ffunction-sections -fdata-sections $RELEASE_CFLAGS"
for type in int long; do
    for file in state use; do
        cp "apart/$file.c" apart/source
        run eval "$CC $flags -c -o apart/old/$file.o apart/source/$file.c"
        { printf '#define FIXED\n#define TYPE %s\n' "$type" && cat "apart/$file.c"; } >"apart/source/$file.c"
        run eval "$CC $flags -c -o apart/new/$file.o apart/source/$file.c"
    done
    run eval "$CC -Wl,--build-id -o apart/target apart/old/*.o"
    run hotfix build --target apart/target --old apart/old --new apart/new -o patch.so
    [ "$type" = long ] || is "a static variable in the file of a new function" "$status $(cat "$ERR")" "0 "
done
is "of another type it is refused" "$([ "$status" = 0 ] || echo no)" no

# What a compiler made of a switch is declared nowhere; here such a name stands for bytes that the program compares by
# their address. The build machine's objcopy knows no other CPU.
if [ ! "${HOTFIX_EMULATOR-}" ]; then
    # bytes NUMBER
    bytes() {
        cat >bytes.c <<SOURCE
volatile int seen;
const char *(*volatile hook)(const char *, int);
__attribute__((noinline)) const char *other(int n) { return hook("a table of bytes", n); }
__attribute__((noinline)) int probe(int n) { seen = $1; return hook("a table of bytes", n + seen) == other(n); }
int main(int c, char **v) { (void)v; return probe(c); }
SOURCE
        eval "$CC -g -O2 -fPIC -ffunction-sections -fdata-sections $RELEASE_CFLAGS ${*:2} bytes.c"
    }
    run eval 'bytes 4 -pie -Wl,--build-id -o bytes && bytes 4 -c -o old.o && bytes 9 -c -o new.o'
    read -r offset <<<"$(readelf -SW bytes | sed -n 's/.* \.rodata *PROGBITS *[0-9a-f]* \([0-9a-f]*\) .*/\1/p')"
    place=$(grep -abo 'a table of bytes' bytes | head -n 1 | cut -d: -f1)
    objcopy --add-symbol "CSWTCH.9=.rodata:$(printf '%#x' $((place - 0x$offset))),object,local" bytes
    expect 0 "" "a table that a compiler made has no type" hotfix build --target bytes --old old.o --new new.o -o patch.so
fi
finish
