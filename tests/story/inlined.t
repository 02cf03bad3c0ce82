#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A fix of which the compiler inlined a function of the release has that function's old code in it. So it is not applied
# together with another fix that changes that function, though no function is in both.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

flags=(-O2 -g -w -fPIE -ffunction-sections -fdata-sections "-I$ROOT/loader" "-I$ROOT/manifest")
case $CC in *clang*) flags+=(-grecord-command-line) ;; esac
hotfix keygen key >/dev/null && mkdir trust && cp key.pub trust || exit 1

cat >main.c <<'C'
#include <hotfix.h>
#include <stdio.h>
long bill(long), pay(long);
int main(int argc, char **argv)
{
    struct hotfix_apply_options patient = HOTFIX_APPLY_OPTIONS_INIT;
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix_error error;
    struct hotfix *hotfix;
    options.trust = "trust";
    patient.deadline_ns = 20000000000u;
    if (hotfix_open(&options, &hotfix, &error) != 0)
        return 2;
    for (int i = 1; i < argc; i++)
        if (hotfix_apply_opt(hotfix, argv[i], &patient, &result) != 0)
            printf("%s\n", result.error.message);
    printf("%ld %ld\n", pay(10), bill(10));
    return 0;
}
C

# source_file TARIFF BILL: pay() has the tariff inlined; bill() has not, and has in the fixed version.
source_file() {
    cat >shop.c <<C
volatile long sink;
$storage long tariff(long value)
{
    return value * 3 + $1;
}
long pay(long value)
{
    sink = value;
    return tariff(value);
}
long bill(long value)
{
    sink = value;
#if $2
    value = tariff(value) + 1;
#endif
    return value + sink - sink;
}
C
}

# fix NAME TARIFF BILL OPTION...
fix() {
    local as=$1
    rm -rf new && mkdir new && source_file "$2" "$3" && "$CC" "${flags[@]}" -c shop.c -o new/shop.o || return
    shift 3
    hotfix build --target target --old old --new new -o "$as.so" "$@" >log &&
        hotfix pack --target target --patch "$as.so" --key key.key --name "$as" --version 1 -o "$as.hotfix" >log
}

# story COUNTED CLAIM: the function that stands for the tariff
story() {
    rm -rf old && mkdir old && source_file 0 0 && "$CC" "${flags[@]}" -c shop.c -o old/shop.o &&
        "$CC" "${flags[@]}" -c main.c -o main.o &&
        "$CC" -pie -Wl,--build-id -o target main.o old/shop.o "$LIBRARY/libhotfix.a" -lcrypto -lpthread -ldl || exit 1
    ok "a fix of the tariff$2" fix first 100 0
    ok "another fix, into which it is inlined$2" fix second 0 1
    is "they replace nothing together$2" \
        "$(for b in first second; do hotfix show --json $b.hotfix | jq -r '.functions[].name'; done | sort | uniq -d)" ""
    is "the second one is refused over the first$2" "$(./target first.hotfix second.hotfix)" \
        "function $1: this bundle was compiled for what it is in the release, and applied bundle first 1 replaced it; make this bundle of both fixes: one that lies over first (hotfix build --on) or supersedes it (hotfix pack --supersedes)
130 10"
    is "so is the first over the second$2" "$(./target second.hotfix first.hotfix)" \
        "function $1: code of applied bundle second 1 was compiled for what it was before, and would meet the new one; make this bundle of both fixes: one that lies over second (hotfix build --on) or supersedes it (hotfix pack --supersedes)
30 31"
    ok "the second one is built on the first$2" fix both 100 1 --on first.hotfix
    is "and has both fixes$2" "$(./target first.hotfix both.hotfix)" "130 131"
}

storage=
story tariff ""
storage='static inline'
story pay ", of which there are only copies"
# Headers of the system are not what fixes are of; sources that lie near them are.
storage=
flags+=("-fdebug-prefix-map=$PWD=/usr/src/shop")
story tariff ", of a source below /usr"

# A function that changed with all its callers is left in the target for who is inside these: the callers in the patch
# have a version of their own, which another fix of that function does not reach.
source_file() {
    cat >shop.c <<C
volatile long sink;
static __attribute__((noinline)) long tariff(long value)
{
    sink = value;
    return value * 3 + $1;
}
long pay(long value)
{
    long kept = value * sink;
    return tariff(value) + kept * 0 + $2;
}
long bill(long value)
{
    sink = value;
    return value + sink - sink + $2;
}
C
}
rm -rf old && mkdir old && source_file 0 0 && "$CC" "${flags[@]}" -c shop.c -o old/shop.o &&
    "$CC" -pie -Wl,--build-id -o target main.o old/shop.o "$LIBRARY/libhotfix.a" -lcrypto -lpthread -ldl || exit 1
ok "a fix of a function and its caller" fix first 100 1
ok "another fix of that function" fix second 200 0
is "the caller's version is not diverted" "$(hotfix show --json first.hotfix | jq -r '.functions[].name' | tr '\n' ' ')" "pay bill "
is "the second one is refused over the first, which would keep its own" "$(./target first.hotfix second.hotfix)" \
    "function tariff: code of applied bundle first 1 was compiled for what it was before, and would meet the new one; make this bundle of both fixes: one that lies over first (hotfix build --on) or supersedes it (hotfix pack --supersedes)
131 11"
is "so is the first over the second" "$(./target second.hotfix first.hotfix)" \
    "function tariff: this bundle was compiled for what it is in the release, and applied bundle second 1 replaced it; make this bundle of both fixes: one that lies over second (hotfix build --on) or supersedes it (hotfix pack --supersedes)
230 10"

# gcc makes a version of its own for the one caller that a fix gives a constant.
case $CC in
*clang*) ;;
*)
    flags+=(-O3 --param ipa-cp-eval-threshold=1)
    source_file() {
        cat >shop.c <<C
volatile long sink;
static __attribute__((noinline)) long tariff(long value, long mode)
{
    sink = value;
    for (long i = 0; i < (mode & 7); i++)
        value += i * mode + sink - sink;
    return value * 3 + $1;
}
long pay(long value)
{
    sink = value;
    return tariff(value, sink) + tariff(value, value);
}
long bill(long value)
{
    sink = value;
    return tariff(value, $2) + sink - sink;
}
C
    }
    rm -rf old && mkdir old && source_file 0 value && "$CC" "${flags[@]}" -c shop.c -o old/shop.o &&
        "$CC" -pie -Wl,--build-id -o target main.o old/shop.o "$LIBRARY/libhotfix.a" -lcrypto -lpthread -ldl || exit 1
    ok "a fix of a function" fix first 100 value
    ok "another one, by which it becomes two" fix second 0 3
    ok "which it does" grep -q 'tariff.constprop' <(nm new/shop.o)
    is "the second one is refused over the first, of which its clone knows nothing" \
        "$(./target first.hotfix second.hotfix)" \
        "function tariff: this bundle was compiled for what it is in the release, and applied bundle first 1 replaced it; make this bundle of both fixes: one that lies over first (hotfix build --on) or supersedes it (hotfix pack --supersedes)
320 160"
    is "so is the first over the second" "$(./target second.hotfix first.hotfix)" \
        "function tariff: code of applied bundle second 1 was compiled for what it was before, and would meet the new one; make this bundle of both fixes: one that lies over second (hotfix build --on) or supersedes it (hotfix pack --supersedes)
120 57"
    ;;
esac

finish
