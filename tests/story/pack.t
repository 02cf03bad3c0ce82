#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Packing: what does not belong to the target is refused, in one sentence and with the documented status, and what only
# looks different is not.
. "$(dirname "$0")/lib.sh"

have() {
    command -v "$1" >/dev/null
}

hotfix keygen release >/dev/null || exit 1

# pack STATUS MESSAGE CLAIM OPTION...: packs fix.so for shop into out.hotfix; MESSAGE is what follows "hotfix pack: ".
pack() {
    local wanted=$1 message=${2:+hotfix pack: $2} claim=$3
    shift 3
    expect "$wanted" "$message" "$claim" hotfix pack --target shop --patch fix.so --key release.key -o out.hotfix "$@"
}

# refuse VERDICT MESSAGE CLAIM OPTION...: and nothing is written.
refuse() {
    local status=1
    [ "$1" = unproven ] && status=3
    rm -f out.hotfix
    pack $status "$1: $2" "$3" "${@:4}"
    [ ! -e out.hotfix ] || ok "nothing is written" false
}

cat >shop.h <<'SOURCE'
#ifdef __clang__
#define APART __attribute__((noinline, used))
#else
#define APART __attribute__((noipa, used))
#endif
struct order {
    int quantity;
    int price;
};
typedef unsigned int money;

int total(const struct order *order);
int rate(int quantity);
int weight(int value);
void nothing(void);
int shipping(struct order order, int express);
money fee(money value);
int discount(int value);
int reduction(int value);
int wait_for(const volatile int *flag);
extern int (*const keeper)(const struct order *order, int step);
SOURCE
cat >shop.c <<'SOURCE'
#include "shop.h"

int orders = 1;
const int limits[] = {10, 20};
static const char *const names[] = {"a", "b"};
__thread int depth = 1;
static int cache[8];

APART int total(const struct order *order)
{
    static int calls = 1;
    cache[order->quantity & 7] += calls++;
    return order->quantity * order->price - orders;
}

APART static int kept(const struct order *order, int step)
{
    return order->price + cache[step & 7] + limits[step & 1];
}

int (*const keeper)(const struct order *order, int step) = kept;

int rate(int quantity)
{
    return quantity * 3 / 7 + 1;
}

APART int weight(int value)
{
    int sum = rate(value) * 5;
    return sum > 100 ? sum / 3 : sum;
}

APART void nothing(void)
{
}

APART int shipping(struct order order, int express)
{
    return order.quantity * 3 + (express ? 17 : 4) + depth++ + names[express & 1][0];
}

APART money fee(money value)
{
    return value * 7 / 3 + (money)orders;
}

APART int discount(int value)
{
    return value * 9 / 10 + orders;
}
int reduction(int value) __attribute__((alias("discount")));

APART int wait_for(const volatile int *flag)
{
    while (*flag) {
    }
    return 1;
}
SOURCE
# Callers in the same file may be compiled for what they call.
cat >shop_main.c <<'SOURCE'
#include "shop.h"
#include <stdio.h>

int main(int argc, char **argv)
{
    struct order order = {argc, argv[0][0]};
    static int flag;
    nothing();
    printf("%d %d %d\n", total(&order), keeper(&order, argc), shipping(order, argc));
    printf("%d %u %d %d\n", weight(argc), fee(3), discount(argc), wait_for(&flag));
    return 0;
}
SOURCE
echo "$NO_ROOM" >>shop_main.c
cat >good.c <<'SOURCE'
#include "shop.h"

int total(const struct order *basket)
{
    return basket->quantity * basket->price - 1;
}

APART static int kept(const struct order *order, int step)
{
    return order->price + 2 * step;
}

unsigned fee(unsigned value)
{
    return value * 7 / 3 + 1;
}

int shipping(struct order order, int express)
{
    return order.quantity * 3 + (express ? 17 : 4);
}
SOURCE

# make_shop OPTION...
make_shop() {
    $compiler -O2 -g -Wl,--build-id=sha1 "$@" -o shop shop.c shop_main.c
}

# make_fix SOURCE-FILE OPTION...: a file-local function is replaced by the one of a source with the same path.
make_fix() {
    mkdir -p fixed && cp "$1" fixed/shop.c
    $compiler -O2 -g -fPIC -shared -I. "${@:2}" -o fix.so fixed/shop.c
}

# fix OPTION... <SOURCE
fix() {
    { echo '#include "shop.h"' && cat; } >fix.c
    make_fix fix.c "$@" || ok "$name: the patch compiles" false
}

what_fits_is_packed() {
    local option
    make_fix good.c || exit 1
    pack 0 "" "$name: what fits is packed" --func total --func kept --func shipping --func fee
    expect 0 "" "$name: it verifies" hotfix verify out.hotfix --trust release.pub --target shop
    run hotfix show out.hotfix --json
    flags=$(json .build.flags)
    is "$name: its functions are those picked, once each, by address" \
        "$(grep -c '"replacement":' "$OUT") $(jq -r '[.functions[].offset] == ([.functions[].offset] | sort)' <"$OUT")" "4 true"
    is "$name: every check is compatible" "$(grep -c '"verdict": "compatible"' "$OUT")" "$(hotfix check --list | grep -vc -e --pid)"
    for option in -g3 -Wall -fPIE -fpic -ffunction-sections -fdata-sections -fdiagnostics-color=always -w -pthread \
        "-fdebug-prefix-map=$SCRATCH=." "-O0 -O2"; do
        # shellcheck disable=SC2086
        make_fix good.c $option || exit 1
        pack 0 "" "$name: $option makes no difference" --func total
    done
}

# unrecorded EVIDENCE: a line for each check of flags that says so.
unrecorded() {
    printf "hotfix pack: unproven: %s: $1\n" abi-flags semantic-flags instruction-set optimisation
}

compilers_and_flags_are_compared() {
    local rebuild="rebuild the patch with 'gcc $flags -g -fPIC -shared'"
    [ "$name" = clang ] && rebuild="rebuild the patch with 'clang $flags -g -fPIC -shared -grecord-command-line'"
    make_fix good.c -fwrapv -O1
    pack 1 "$(
        for function in total fee; do
            [ $function = total ] || printf 'hotfix pack: '
            echo "incompatible: semantic-flags: $function (shop.c): the patch was compiled with -fwrapv, the target without; $rebuild"
        done
        for function in total fee; do
            echo "hotfix pack: incompatible: optimisation: $function (shop.c): the target was compiled with -O2, the patch with -O1 instead; $rebuild"
        done
        echo "hotfix pack: incompatible: semantic-flags: total (shop.c): the patch was compiled with -fwrapv, the target without; $rebuild (and 3 more findings)"
    )" "$name: other flags are named, by class, for each function" --func total --func fee
    make_fix good.c -fwrapv
    refuse incompatible "semantic-flags: total (shop.c): the patch was compiled with -fwrapv, the target without; $rebuild" \
        "$name: a flag too many" --func total
    refuse incompatible "semantic-flags: total (shop.c): the patch was compiled with -fwrapv, the target without; $rebuild" \
        "$name: what is incompatible cannot be accepted" --func total --accept-flags "I know better"
    make_shop -fno-strict-aliasing && make_fix good.c
    refuse incompatible "semantic-flags: total (shop.c): the target was compiled with -fno-strict-aliasing, the patch without; ${rebuild/$flags/$(tr ' ' '\n' <<<"$flags -fno-strict-aliasing" | sort | paste -sd' ')}" \
        "$name: a flag too few" --func total
    make_shop
    make_fix good.c -g0
    pack 3 "$(
        unproven="total (shop.c): the flags that it was compiled with are not recorded in the patch; compile with -g, or name the debug file"
        comment=$(cat shop.comment)
        [ "$name" = clang ] && comment="total (shop.c): nothing tells which compiler made its translation unit (.comment of the target: '$comment', of the patch: '$comment'); compile with -g, or name the debug file"
        [ "$name" = clang ] && echo "unproven: compiler: $comment"
        [ "$name" = clang ] && printf 'hotfix pack: '
        unrecorded "$unproven" | sed '1s/^hotfix pack: //'
        echo "hotfix pack: unproven: prototype: total (shop.c): no debug information tells the prototype in the patch; compile with -g, or name the debug file"
        echo "hotfix pack: unproven: layout: no debug information tells the types of the patch; compile with -g, or name the debug file"
        [ "$name" = gcc ] && echo "hotfix pack: unproven: abi-flags: $unproven (and 5 more findings)"
        [ "$name" = clang ] && echo "hotfix pack: unproven: compiler: $comment (and 6 more findings)"
    )" "$name: without debug information nothing is proved" --func total
}

# How the compiler writes the type.
spelled_long() {
    [ "$name" = clang ] && echo long || echo "long int"
}

prototypes_are_compared() {
    local end="a function with another prototype needs a new name"
    cat >fix.c <<'SOURCE'
struct order { int quantity; int price; };
char total(const struct order *order) { return (char)order->quantity; }
int shipping(struct order order, int express, int more) { return order.quantity + express + more; }
__attribute__((noinline, used)) static int kept(const struct order *order, long step) { return order->quantity + (int)step; }
int fee(unsigned value) { return (int)value; }
SOURCE
    make_fix fix.c
    refuse incompatible "prototype: total (shop.c): its prototype is 'int (const struct order *)' in the target, 'char (const struct order *)' in the patch; $end" \
        "$name: another return type" --func total
    refuse incompatible "prototype: shipping (shop.c): its prototype is 'int (struct order, int)' in the target, 'int (struct order, int, int)' in the patch; $end" \
        "$name: another parameter" --func shipping
    refuse incompatible "prototype: kept (shop.c): its prototype is 'int (const struct order *, int)' in the target, 'int (const struct order *, $(spelled_long))' in the patch; $end" \
        "$name: another type of a file-local function's parameter" --func kept
    refuse incompatible "prototype: fee (shop.c): its prototype is 'unsigned int (unsigned int)' in the target, 'int (unsigned int)' in the patch; $end" \
        "$name: another signedness" --func fee
}

copies_are_found() {
    fix <<<'int rate(int quantity) { return quantity; } int discount(int value) { return value; }'
    refuse incompatible "inline: rate (shop.c): it was inlined into weight (shop.c), where the detour would miss it; put these functions into the patch, and pick them too (--follow-inlines does)" \
        "$name: an inlined copy names its caller" --func rate
    pack 0 "accepted although incompatible: inline (weight is not used)" \
        "$name: that an inlined copy stays can be accepted" --func rate --accept-inline "weight is not used"
    fix <<<'int rate(int quantity) { return quantity; } int weight(int value) { return rate(value) * 5; }'
    pack 0 "" "$name: an inlined copy within a replaced function does not stay" --func rate --func weight
    pack 0 "" "$name: what has an inlined copy is picked when asked for" --func rate --follow-inlines
    is "$name: and in the bundle" "$(hotfix show out.hotfix --json | jq -r "[.functions[].name] | sort | join(\" \")")" "rate weight"
    refuse incompatible "inline: rate (shop.c): it was inlined into weight (shop.c), where the detour would miss it; put these functions into the patch, and pick them too (--follow-inlines does)" \
        "$name: but not when it is excluded" --func rate --follow-inlines --exclude weight
    fix <<<'int discount(int value) { return value; }'
    refuse unproven "alias: discount (shop.c): its code is also that of reduction, which the detour would replace with it; accept it if they are meant to be one function" \
        "$name: another name of the same code" --func discount
    fix <<<'int discount(int value) { return value; } int reduction(int value) __attribute__((alias("discount")));'
    pack 0 "" "$name: two names of one function that are one in the patch too" --func discount
    pack 0 "" "$name: both picked are one replacement" --func discount --func reduction
}

clones_are_found() {
    cat >clones.c <<'SOURCE'
int power(int base, int n);
__attribute__((noinline)) int power(int base, int n)
{
    int result = 1;
    for (int i = 0; i < n; i++)
        result = result * base + n / (i + 1);
    return result;
}
int main(int argc, char **argv)
{
    return power(argc, 3) + power(argc + 1, 3) + power(argc, argc) + (argv != 0);
}
SOURCE
    gcc -O3 -g -Wl,--build-id=sha1 -o shop clones.c
    nm shop | grep -q ' power.constprop' || return 0
    echo 'int power(int base, int n); int power(int base, int n) { return base * n; }' >fix.c
    gcc -O3 -g -fPIC -shared -o fix.so fix.c
    refuse incompatible "clones: power (clones.c): the compiler made copies of it for some callers, which the patch does not replace: power.constprop.0; pick the functions that call it instead" \
        "gcc: a clone is named" --func power
    pack 0 "accepted although incompatible: clones (those callers are not reached)" \
        "gcc: that a clone stays can be accepted" --func power --accept-clones "those callers are not reached"
    strip -o bare shop
    rm -f out.hotfix
    objcopy --only-keep-debug shop shop.debug && cp bare shop
    refuse incompatible "clones: power (clones.c): the compiler made copies of it for some callers, which the patch does not replace: power.constprop.0; pick the functions that call it instead" \
        "gcc: a separate debug file tells of clones too" --func power --debug shop.debug
}

entries_are_looked_at() {
    fix <<<'void nothing(void) { __asm__ volatile("nop; nop; nop; nop; nop; nop"); }
        int wait_for(const volatile int *flag) { return *flag; }'
    # One instruction is enough on arm64.
    if [ "$(uname -m)" = x86_64 ]; then
        refuse incompatible "entry: nothing (shop.c): its 1 bytes of code are too short for a detour of 5 bytes; pick its callers instead" \
            "$name: too short a function" --func nothing
    else
        pack 0 "" "$name: a function of one instruction" --func nothing
    fi
    run hotfix pack --target shop --patch fix.so --key release.key -o out.hotfix --func wait_for
    is "$name: a loop to the entry" "$status $(sed 's/0x[0-9a-f]*/N/' "$ERR")" \
        "1 hotfix pack: incompatible: entry: wait_for (shop.c): its code at N comes back into the bytes that a detour overwrites; pick its callers instead"
}

variables_are_not_duplicated() {
    local end="declare it extern and export it from the target, or build the patch with 'hotfix build'"
    fix <<<'int orders; int total(const struct order *order) { return order->price + orders++; }'
    refuse incompatible "variables: the patch has its own copy of the target's variable 'orders'; $end" \
        "$name: a global variable" --func total
    refuse incompatible "variables: the patch has its own copy of the target's variable 'orders'; $end" \
        "$name: that cannot be accepted" --func total --accept-variables "never mind"
    fix <<<'static int cache[8]; int total(const struct order *order) { return order->price + cache[order->price]++; }'
    refuse incompatible "variables: the patch has its own copy of the target's variable 'cache' (shop.c); $end" \
        "$name: a file-local variable" --func total
    fix <<<'int total(const struct order *order) { static int calls; return order->price + calls++; }'
    run hotfix pack --target shop --patch fix.so --key release.key -o out.hotfix --func total
    is "$name: a variable of the function itself" "$status $(sed 's/total\.//' "$ERR")" \
        "1 hotfix pack: incompatible: variables: the patch has its own copy of the target's variable 'calls' (shop.c); $end"
    fix <<<'__thread int depth; int total(const struct order *order) { return order->price + depth++; }'
    refuse incompatible "variables: the patch has its own copy of the target's variable 'depth'; $end" \
        "$name: a thread-local variable" --func total
    fix <<<'const int limits[] = {1, 2}; static const char *const names[] = {"a", "b"}; static int total_calls;
        int total(const struct order *order) { total_calls++; return limits[order->price & 1] + names[order->price & 1][0]; }'
    pack 0 "" "$name: constants and new variables are no copies" --func total
    fix <<<'extern int orders; int total(const struct order *order) { return order->price + orders++; }'
    refuse incompatible "symbols: the patch refers to 'orders', which the target has but does not export; link the target with -rdynamic, or build the patch with 'hotfix build'" \
        "$name: a variable that is not exported" --func total
    make_shop -rdynamic
    pack 0 "" "$name: a variable that the target exports" --func total
    strip shop
    fix <<<'static int fresh; int total(const struct order *order) { return order->price + fresh++; }'
    run hotfix pack --target shop --patch fix.so --key release.key -o out.hotfix --func total
    is "$name: a stripped target proves nothing" "$status $(grep -c 'unproven: variables: the target has no symbol table that would tell whether it has the patch' "$ERR")" "3 1"
    make_shop
}

symbols_are_defined() {
    fix <<<'int nowhere(int); int total(const struct order *order) { return nowhere(order->price); }'
    refuse incompatible "symbols: the patch refers to 'nowhere', which neither the target nor any library defines" \
        "$name: a function that is nowhere" --func total
    fix <<<'#include <stdlib.h>
int total(const struct order *order) { return abs(order->price) + atoi("1") + (int)strtol("1", 0, 10); }'
    pack 0 "" "$name: functions of libc" --func total
    fix -Wl,--no-as-needed -lm <<<'double cbrt(double); int total(const struct order *order) { return (int)cbrt(order->price); }'
    refuse unproven "symbols: the patch needs libm.so.6, which the target does not load" \
        "$name: a library that is not loaded yet" --func total
    pack 0 "accepted although unproven: symbols (libm has no constructors)" \
        "$name: that can be accepted" --func total --accept-symbols "libm has no constructors"
}

nothing_runs_at_load() {
    local body='int total(const struct order *order) { return order->price; }'
    fix <<<"__attribute__((constructor)) static void start(void) { __asm__ volatile(\"nop\"); } $body"
    refuse incompatible "loading: the patch has a constructor, 'start', which would run before the patch is applied; do the work in hotfix_on_apply() instead" \
        "$name: a constructor" --func total
    fix -Wl,-init=begin <<<"void begin(void); void begin(void) { __asm__ volatile(\"nop\"); } $body"
    refuse incompatible "loading: the patch has an initialisation function of its own; do the work in hotfix_on_apply() instead" \
        "$name: an initialisation function" --func total
    fix <<<"static int plus(int x) { return x + 1; } static int (*pick(void))(int) { return plus; }
        int chosen(int) __attribute__((ifunc(\"pick\"))); $body"
    refuse incompatible "loading: the patch has an indirect function, 'chosen', whose resolver would run before the patch is applied; call one of its variants by name" \
        "$name: an indirect function" --func total
    fix -Wl,-z,execstack <<<"$body"
    refuse incompatible "loading: the patch would make the stacks of the process executable; link it with -Wl,-z,noexecstack" \
        "$name: an executable stack" --func total
    fix -Wl,-z,notext <<<"__asm__(\".text\\n.quad total\\n\"); $body"
    refuse incompatible "loading: the patch has text relocations, which make code writable; compile it with -fPIC" \
        "$name: text relocations" --func total
    fix <<<"__asm__(\".section both, \\\"awx\\\", @progbits\\n.quad 0\\n.text\\n\"); $body" 2>/dev/null
    refuse incompatible "loading: the patch has a segment that is writable and executable; link it without -N and without such a linker script" \
        "$name: memory that is writable and executable" --func total
    fix -nostartfiles <<<"$body"
    pack 0 "" "$name: a patch without start files" --func total
    fix <<<"int hotfix_on_apply(void); int hotfix_on_apply(void) { return 0; } $body"
    pack 0 "" "$name: hooks are allowed" --func total
    run hotfix show out.hotfix --json
    is "$name: and found" "$(json .payload.on_apply | cut -c 1-2) $(json .payload.on_revert)" "0x null"
}

everyone() {
    make_shop || exit 1
    readelf -p .comment shop | sed -n 's/^ *\[ *[0-9a-f]*\]  //p' | sort | sed ':a;N;$!ba;s/\n/ + /' >shop.comment
    what_fits_is_packed
    compilers_and_flags_are_compared
    prototypes_are_compared
    copies_are_found
    entries_are_looked_at
    variables_are_not_duplicated
    symbols_are_defined
    nothing_runs_at_load
}

arguments_are_checked() {
    local see="(see 'hotfix pack --help')" all=(--target shop --patch fix.so --key release.key)
    make_fix good.c
    expect 2 "hotfix pack: option '--target BIN' is required $see" "--target must be given" hotfix pack --key k
    expect 2 "hotfix pack: give --key KEY, or --unsigned where others sign $see" "--key must be given" \
        hotfix pack --target shop --patch fix.so
    expect 2 "hotfix pack: unexpected argument 'total' $see" "picks are options" hotfix pack "${all[@]}" total
    expect 2 "hotfix pack: unknown option '--accept-machine', did you mean '--accept-inline'? $see" "a machine cannot be accepted" \
        hotfix pack "${all[@]}" --func total --accept-machine x
    pack 2 "option '--accept-flags' needs a reason, which the bundle will carry $see" "a reason is needed" \
        --func total --accept-flags " "
    pack 2 "--func missing: there is no such function in shop" "a function that is not there" --func missing
    pack 2 "--name '-x' is not 1 to 64 letters, digits and ._+~- that begin with a letter or digit" \
        "a name with a dash in front" --func total --name -x
    pack 2 "--version 'a/b' is not 1 to 64 letters, digits and ._+~- that begin with a letter or digit" \
        "a version with a slash" --func total --version a/b
    pack 2 "--expires '2026-02-30' is not a date like 2026-12-31 or a time like 2026-12-31T12:00:00Z" \
        "a day that does not exist" --func total --expires 2026-02-30
    pack 2 "--expires '2001-01-01' has passed already" "a day in the past" --func total --expires 2001-01-01
    pack 2 "--sequence '0' is not a number from 1 to 999999999999999999" "no sequence number" --func total --sequence 0
    pack 2 "--sequence '1x' is not a number from 1 to 999999999999999999" "nor something else" --func total --sequence 1x
    pack 2 "--supersedes '12' is not the id of a bundle, 32 lower-case hexadecimal digits" "a wrong id" \
        --func total --supersedes 12
    pack 2 "--advisory 'CVE 1' is not one id without blanks" "an advisory is one id" --func total --advisory "CVE 1"
    pack 2 '--description '\''a\x0ab'\'' is not one line of UTF-8 text' "a description of two lines" \
        --func total --description $'a\nb'
    expect 2 "hotfix pack: the output fix.so is one of the inputs" "inputs are never overwritten" \
        hotfix pack "${all[@]}" --func total -o fix.so
    expect 2 "hotfix pack: the output ./shop is one of the inputs" "by whatever name" \
        hotfix pack "${all[@]}" --func total -o ./shop
    cp fix.so .hidden.so
    expect 2 "hotfix pack: the patch's file name '.hidden' cannot name a bundle: give --name" "a name must be had" \
        hotfix pack --target shop --patch .hidden.so --key release.key --func total
    expect 5 "hotfix pack: target: none: cannot be opened: No such file or directory" "a target that is not there" \
        hotfix pack --target none --patch fix.so --key release.key --func total
    expect 5 "hotfix pack: patch: good.c: is not an ELF file, or is cut off" "a patch that is not ELF" \
        hotfix pack --target shop --patch good.c --key release.key --func total
    cp release.key open.key && chmod 644 open.key
    run hotfix pack --target shop --patch fix.so --key open.key --func total
    is "a key that others may read" "$status" 4
    expect 5 "hotfix pack: none/out: cannot be written: No such file or directory" "a directory that is not there" \
        hotfix pack "${all[@]}" --func total -o none/out
    SOURCE_DATE_EPOCH=x pack 2 "SOURCE_DATE_EPOCH is 'x', not a number of seconds since 1970 up to 2242" "a time that is none" \
        --func total
    run hotfix pack "${all[@]}" --func total --accept-flags "" --json
    is "failure is an object too" "$status $(json .schema) $(json .ok) $(json .error.code)" \
        "2 hotfix.pack/1 false usage"
    is "nothing was written" "$(find . -name "*.hotfix" ! -name out.hotfix)" ""
}

the_bundle_says_what_it_was_told() {
    local id
    make_fix good.c
    pack 0 "" "everything can be said of a bundle" --func total --name shop-total --version 1.2 --advisory CVE-2026-1 \
        --advisory CVE-2026-2 --description "Größe ≥ 1" --expires 2099-12-31 --supersedes "$ID" --quiescent --sequence 7
    run hotfix show out.hotfix --json
    is "and it is in there" \
        "$(json .bundle.name) $(json .bundle.version) $(json .bundle.advisories) $(json .bundle.description) $(json .bundle.expires) $(json .bundle.supersedes) $(json .bundle.quiescent) $(json .bundle.sequence)" \
        "shop-total 1.2 CVE-2026-1 CVE-2026-2 Größe ≥ 1 2099-12-31T23:59:59Z $ID true 7"
    pack 0 "" "an existing bundle is replaced" --func total --expires 2099-12-31T12:00:00Z
    run hotfix show out.hotfix --json
    is "by the new one" "$(json .bundle.name) $(json .bundle.expires)" "fix 2099-12-31T12:00:00Z"
    id=$(json .bundle.id)
    pack 0 "" "another selection" --func fee
    run hotfix show out.hotfix --json
    ok "is another bundle" [ "$(json .bundle.id)" != "$id" ]
    run hotfix pack --target shop --patch fix.so --key release.key --func total --json
    ok "by default the file is named after name and version" \
        [ -e "$(json .bundle.name)-$(json .bundle.version).hotfix" ]
    is "and the report names it" "$status $(json .file)" "0 fix-$(json .bundle.version).hotfix"
    SOURCE_DATE_EPOCH=1700000000 pack 0 "" "with SOURCE_DATE_EPOCH" --func total --func fee
    cp out.hotfix once
    SOURCE_DATE_EPOCH=1700000000 pack 0 "" "and the picks in another order" --func fee --func total --func total
    ok "the bytes are the same" cmp once out.hotfix
    rm -f out.hotfix
    tar tf once >"$OUT" 2>/dev/null
    is "tar lists it" "$(paste -sd' ' "$OUT")" "manifest.ini patch.so"
}

a_stripped_target_will_do() {
    make_fix good.c
    objcopy --only-keep-debug shop shop.debug
    cp shop full && strip shop
    pack 0 "" "a stripped target with its debug file" --func total --func kept --debug shop.debug
    expect 0 "" "the bundle fits the stripped file" hotfix verify out.hotfix --trust release.pub --target shop
    expect 0 "" "and the full one" hotfix verify out.hotfix --trust release.pub --target full
    objcopy --only-keep-debug fix.so fix.debug && cp fix.so whole.so && strip fix.so
    pack 0 "" "a stripped patch with its debug file" --func total --debug shop.debug --patch-debug fix.debug
    cp whole.so fix.so
    sed 's/3 \/ 7/3 \/ 8/' shop.c >other.c && $compiler -O2 -g -Wl,--build-id=sha1 -o other other.c shop_main.c
    objcopy --only-keep-debug other other.debug
    run hotfix pack --target shop --patch fix.so --key release.key --func total --debug other.debug
    is "the debug file of another build is refused" "$status" 1
    cp full shop
}

# What no compiler can be relied on to make. A loop around a switch begins in the bytes that a detour overwrites, and one
# right behind them; a cold part goes back there.
odd_entries() {
    case $(uname -m) in
    x86_64) cat <<'SOURCE' ;;
__asm__(".text\n.type machine, @function\n.globl machine\n"
        "machine: push %rbx\n1: lea 9f(%rip), %rdx\nmovslq (%rdx,%rdi,4), %rax\nadd %rdx, %rax\njmp *%rax\n"
        "2: pop %rbx\nret\n.size machine, . - machine\n"
        ".type split, @function\n.globl split\n"
        "split: push %rbx\nsub $16, %rsp\njmp split.cold\n3: add $16, %rsp\npop %rbx\nret\n.size split, . - split\n"
        ".type plain, @function\n.globl plain\n"
        "plain: push %rbx\nnop\nnop\nnop\nnop\n4: lea 8f(%rip), %rdx\nmovslq (%rdx,%rdi,4), %rax\nadd %rdx, %rax\n"
        "jmp *%rax\n.size plain, . - plain\n"
        ".type twice, @function\n.globl twice\n"
        "twice: push %rbx\nnop\nnop\nnop\nnop\n5: lea 7f(%rip), %rdx\nmovslq (%rdx,%rdi,4), %rax\nadd %rdx, %rax\n"
        "jmp *%rax\n6: lea 10f(%rip), %rdx\nmovslq (%rdx,%rdi,4), %rax\nadd %rdx, %rax\njmp *%rax\n"
        ".size twice, . - twice\n"
        ".type split.cold, @function\nsplit.cold: nop\njmp split + 1\n.size split.cold, . - split.cold\n"
        ".section .rodata\n.balign 4\n9: .long 2b - 9b, 1b - 9b\n8: .long 4b - 8b\n"
        "7: .long 6b - 7b\n10: .long 5b - 10b\n.text\n");
SOURCE
    aarch64) cat <<'SOURCE' ;;
__asm__(".text\n.type machine, @function\n.globl machine\n"
        "machine: ldrb w2, [x0], #1\nadrp x1, 9f\nadd x1, x1, :lo12:9f\nldrb w3, [x1, x2]\nadr x4, 2f\n"
        "add x4, x4, w3, sxtb #2\nbr x4\n2: ret\n.size machine, . - machine\n"
        ".type split, @function\n.globl split\n"
        "split: sub sp, sp, #16\nb split.cold\n3: add sp, sp, #16\nret\n.size split, . - split\n"
        ".type plain, @function\n.globl plain\n"
        "plain: nop\n4: ldrb w2, [x0], #1\nadrp x1, 8f\nadd x1, x1, :lo12:8f\nldrh w3, [x1, x2, lsl #1]\nadr x4, 4b\n"
        "add x4, x4, x3, lsl #2\nbr x4\n.size plain, . - plain\n"
        ".type twice, @function\n.globl twice\n"
        "twice: nop\n5: adrp x1, 7f\nadd x1, x1, :lo12:7f\nldrsw x3, [x1, x2, lsl #2]\nadr x4, 6f\n"
        "add x4, x4, x3, lsl #2\nbr x4\n6: adrp x1, 10f\nadd x1, x1, :lo12:10f\nldrsw x3, [x1, x2, lsl #2]\n"
        "adr x4, 11f\nadd x4, x4, x3, lsl #2\n11: br x4\n.size twice, . - twice\n"
        ".type split.cold, @function\nsplit.cold: nop\nb split\n.size split.cold, . - split.cold\n"
        ".section .rodata\n.balign 4\n9: .byte 0, (machine - 2b) / 4\n.balign 4\n8: .hword 0\n"
        ".balign 4\n7: .word (6b - 6b) / 4\n10: .word (5b - 5b) / 4, -1\n.text\n");
SOURCE
    esac
    cat <<'SOURCE'
int main(void)
{
    return 0;
}
SOURCE
}

odd_entries_are_refused() {
    local function
    odd_entries >odd.c
    echo 'int machine(int n) { return n; } int split(int n) { return n; } int plain(int n) { return n; } int twice(int n) { return n; }' >fix.c
    gcc -O2 -g -Wl,--build-id=sha1 -o shop odd.c && gcc -O2 -g -fPIC -shared -o fix.so fix.c
    # Read on into the next table, the first one of `twice` would seem to come back.
    for function in machine split plain twice; do
        run hotfix pack --target shop --patch fix.so --key release.key -o out.hotfix --func $function \
            --accept-flags x --accept-prototype x --accept-layout x --accept-inline x --accept-compiler x
        grep -o 'entry: .*' "$ERR" | sed 's/0x[0-9a-f]*/N/; s/ (and.*//'
    done >entries
    is "entries that tables and cold parts come back to" "$(cat entries)" \
        "entry: machine: its jump table at N comes back into the bytes that a detour overwrites; pick its callers instead
entry: split: its cold part at N comes back into the bytes that a detour overwrites; pick its callers instead"
}

other_machines_and_builds_are_refused() {
    make_fix good.c
    make_shop -Wl,--build-id=none
    refuse incompatible "build-id: the target has no build-id, by which a process is recognised; link it with -Wl,--build-id" \
        "a target without build-id" --func total
    make_shop
    $compiler -O2 -g -fPIC -nostdlib -no-pie -Wl,-e,total -o fix.so good.c
    refuse incompatible "machine: the patch is not a shared object; link it with -shared" "a patch that is a program" \
        --func total
}

compilers_differ() {
    local gcc_name
    gcc_name="GNU C $(gcc -dumpfullversion)"
    compiler=gcc make_shop
    compiler="clang -grecord-command-line" make_fix good.c
    run hotfix pack --target shop --patch fix.so --key release.key -o out.hotfix --func total --json
    is "gcc and clang do not mix" "$status $(json .error.code) $(json .checks.2.id) $(json .checks.2.evidence)" \
        "1 incompatible compiler total (shop.c): the target was compiled by '$gcc_name', the patch by '$(clang --version | head -n 1)'"
    compiler=clang make_shop
    compiler=clang make_fix good.c
    unproven="total (shop.c): the flags that it was compiled with are not recorded in the target nor in the patch; compile target and patch with -grecord-command-line"
    pack 3 "$(
        unrecorded "$unproven" | sed '1s/^hotfix pack: //'
        echo "hotfix pack: unproven: abi-flags: $unproven (and 3 more findings)"
    )" "clang records flags only when told to" --func total
    pack 0 "$(
        printf 'hotfix pack: accepted although unproven: %s (one Makefile)\n' \
            abi-flags semantic-flags instruction-set optimisation | sed '1s/^hotfix pack: //'
    )" "a person may answer for them" --func total --accept-flags "one Makefile"
    run hotfix show out.hotfix --json
    is "the bundle carries verdict and reason" "$(json .checks.3.id) $(json .checks.3.verdict) $(json .checks.3.waiver)" \
        "abi-flags unproven one Makefile"
    local other=aarch64-linux-gnu number=183 own=62
    [ "$(uname -m)" = x86_64 ] || { other=x86_64-linux-gnu number=62 own=183; }
    if have ld.lld && clang --target=$other -ffreestanding -nostdlib -shared -fPIC -fuse-ld=lld -O2 -g \
        -grecord-command-line -o fix.so good.c 2>/dev/null; then
        run hotfix pack --target shop --patch fix.so --key release.key -o out.hotfix --func total --json
        is "a patch for another CPU" "$status $(json .checks.0.id) $(json .checks.0.findings.0.evidence)" \
            "1 machine the target is for machine $own, the patch for machine $number"
    fi
}

# record FUNCTION GROUP: a line for records, from binutils.
record() {
    echo "$(symbol shop "$1" | cut -d' ' -f 1-2) $(symbol fix.so "$1" | cut -d' ' -f 1-2) $2 $1"
}

# add_records BUILD-ID <LINES: gives fix.so the section that `hotfix build` writes (packager/patch/record.h).
add_records() {
    sort | perl -e 'my @lines = <STDIN>;
        print "HFFUNCS1", pack("C a* L<", length($ARGV[0]) / 2, pack("H*", $ARGV[0]), scalar @lines);
        for (@lines) { my ($old, $size, $new, $new_size, $group, $name) = split;
            print pack("Q<4 L< S</a* S</a*", hex $old, $size, hex $new, $new_size, $group, $name, "shop.c"); }' \
        "$1" >records
    objcopy --add-section .hotfix.functions=records fix.so
}

built_patches_need_no_picks() {
    local id
    make_fix good.c
    id=$(readelf -nW shop | sed -n 's/.*Build ID: //p')
    cp fix.so plain.so
    { record total 1 && record fee 2 && record shipping 2; } >lines
    add_records "$id" <lines
    pack 0 "" "a built patch says what it replaces"
    run hotfix show out.hotfix --json
    is "all of that is in the bundle" "$(grep -c '"replacement":' "$OUT") $(json .checks.0.verdict)" "3 compatible"
    pack 0 "" "picks choose among it" --func total
    run hotfix show out.hotfix --json
    is "and leave the rest out" "$(grep -c '"replacement":' "$OUT") $(json .functions.0.name)" "1 total"
    pack 2 "fee is picked without shipping, on which it depends: pick both" "a group is not torn apart" --func fee
    pack 2 "kept is picked, but the patch leaves the target's as it is, and has one of its own for the functions in the patch that call it: pick these in its place, or pick nothing, which takes all of the patch" "what did not change is not picked" \
        --func total --func kept
    cp plain.so fix.so
    add_records 00112233445566778899aabbccddeeff00112233 <lines
    pack 1 "fix.so was built for another build of the target than shop" "records for another build"
    cp plain.so fix.so
    head -c 50 records >short && objcopy --add-section .hotfix.functions=short fix.so
    run hotfix pack --target shop --patch fix.so --key release.key -o out.hotfix
    is "records that are cut off" "$status" 5
    cp plain.so fix.so
    run hotfix pack --target shop --patch fix.so --key release.key -o out.hotfix
    is "any other patch needs picks" "$status" 2
}

for name in gcc clang; do
    have $name || continue
    compiler=$name
    [ $name = clang ] && compiler="clang -grecord-command-line"
    everyone
done
name=$CC compiler=$CC
"$CC" --version | grep -q clang && compiler="$CC -grecord-command-line"
make_shop
arguments_are_checked
the_bundle_says_what_it_was_told
a_stripped_target_will_do
built_patches_need_no_picks
other_machines_and_builds_are_refused
have gcc && clones_are_found
have gcc && odd_entries_are_refused
have gcc && have clang && compilers_differ
finish
