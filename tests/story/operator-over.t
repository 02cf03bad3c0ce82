#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hotfixctl status where one answer is not enough: a library that a program has twice, and bundles that lie over others.
. "$(dirname "$0")/lib.sh"
. "$STORY/operator.sh"

# Twice: the program opens its library, and at the first line once more, in a namespace of its own.
cat >twice.c <<'SOURCE'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    char byte;
    void *first = dlopen("./libshop.so", RTLD_NOW);

    if (!first || write(1, "ready\n", 6) != 6 || read(0, &byte, 1) != 1)
        return 1;
    if (!dlmopen(LM_ID_NEWLM, "./libshop.so", RTLD_NOW))
        return fputs(dlerror(), stderr), 1;
    return write(1, "twice\n", 6) != 6 || read(0, &byte, 1) != 0;
}
SOURCE
# shellcheck disable=SC2086 # words
{
    $CC $release -fPIC -shared -o libshop.so "$SOURCES/shop.c" && $CC $release -o twice twice.c -ldl &&
        $CC -O2 -g $record -fPIC -shared -o fix.so fixed.c || exit 1
}
pack --target libshop.so --key release.key -o library.hotfix
start twice ./twice
asleep
applied "the fix of a library" "${apply[@]}" library.hotfix --pid "$pid"
run hotfixctl status library.hotfix --pid "$pid" --trust trust
is "is in its only copy" "$status $(sed "s/$pid/PID/" "$OUT")" "0 process PID (twice): fixed: 1 functions"
echo >&9
until grep -q twice twice.out || ! kill -0 "$pid"; do sleep 0.01; done
run hotfixctl status library.hotfix --pid "$pid" --trust trust
is "and is not in another one, which then makes it partly fixed" "$status $(sed "s/$pid/PID/" "$OUT" | head -n 1)" \
    "1 process PID (twice): partly fixed: 1 of 2 functions, in 2 copies of libshop.so"
run hotfixctl status library.hotfix --pid "$pid" --trust trust --json --verify
is "as JSON" "$status $(json processes.0.state) $(json processes.0.copies) $(json processes.0.functions) $(json processes.0.replaced)" \
    "1 partly 2 2 1"
exec 9>&-
wait "$pid"
is "the program did not mind" "$?" 0

# Over: the second fix of the function was made on the first.
# object NAME FACTOR: the program's object with the fix in it.
object() {
    mkdir -p "$1" && sed "s/ 7 / $2 /" "$SOURCES/shop.c" >shop.c &&
        $CC -O2 -g $record -ffunction-sections -c shop.c -o "$1/shop.o"
}
# shellcheck disable=SC2086 # words
{
    object old 7 && object one 9 && object two 11 && $CC -O2 -g $record -c "$SOURCES/cage.c" -o cage.o &&
        $CC -Wl,--build-id -o cage old/shop.o cage.o || exit 1
}
# fix NAME OPTION...: its bundle, made of what the object of that name has.
fix() {
    local name=$1
    shift
    { hotfix build --target cage --old old --new "$name" -o "$name.so" "$@" &&
        hotfix pack --target cage --patch "$name.so" --key release.key --name "$name" --version 1 -o "$name.hotfix"; } \
        >/dev/null 2>"$ERR" || diagnose <"$ERR"
    hotfix show "$name.hotfix" | sed -n 's/^id *//p'
}
one=$(fix one)
two=$(fix two --on one.hotfix)
mkdir other && cp two/shop.o other/
other=$(fix other)
start cage ./cage
asleep
# told BUNDLE [OPTION...]: what status says, with names for ids.
told() {
    local bundle=$1
    shift
    hotfixctl status "$bundle.hotfix" --pid "$pid" --trust trust "$@" 2>&1 | head -n 1 |
        sed "s/process $pid (cage): //; s/$one/ONE/; s/$two/TWO/; s/$other/OTHER/"
}
applied "a first fix" "${apply[@]}" one.hotfix --pid "$pid"
applied "a second one, made on it" "${apply[@]}" two.hotfix --pid "$pid"
is "what lies above is fixed" "$(told two --verify)" "fixed, and verified: 1 functions"
is "and what lies below, by what is above" "$(told one)" "fixed: under bundle TWO, which was made on it"
is "a fix that was made on neither says so" "$(told other)" \
    "patched by bundle TWO: whether that has this fix, its own status does not say; revert it first, or ask who made it"
hotfixctl revert "$two" --pid "$pid" >/dev/null
is "below, it shows again when that is gone" "$(told one --verify) $(told two)" \
    "fixed, and verified: 1 functions patched by bundle ONE: whether that has this fix, its own status does not say; revert it first, or \
ask who made it"
hotfixctl revert "$one" --pid "$pid" >/dev/null
is "and then nothing is left" "$(told one) $(told two)" "vulnerable: one is not applied vulnerable: two is not applied"
exec 9>&-
wait "$pid"
finish
