#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A fix that needs a new field in a struct of which the program holds objects: it keeps the field in shadow data, a hook
# takes over what the objects know, a revert frees all. In programs with libhotfix.a and with libhotfix.so.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

SOURCES=$ROOT/tests/build
STATIC=("$LIBRARY/libhotfix.a" -lcrypto)
SHARED=("-L$LIBRARY" -lhotfix "-Wl,-rpath,$LIBRARY")

hotfix keygen key >/dev/null || exit 1
mkdir trust
cp key.pub trust

# compile COMPILER FLAG...: old, new and the program's own object
compile() {
    local compiler=$1
    shift
    local flags=(-O2 -g -ffunction-sections -fdata-sections "-I$ROOT/loader" "-I$ROOT/manifest" "-I$SOURCES" "$@")
    [ "$compiler" = clang ] && flags+=(-grecord-command-line)
    mkdir -p source
    cp "$SOURCES/session.c" source &&
        "$compiler" "${flags[@]}" -c source/session.c -o old.o &&
        { printf '#define FIXED\n#line 1\n' && cat "$SOURCES/session.c"; } >source/session.c &&
        "$compiler" "${flags[@]}" -c source/session.c -o new.o &&
        "$compiler" "${flags[@]}" -c "$SOURCES/session_main.c" -o main.o
}

# pack TARGET OPTION...: fix.hotfix for it
pack() {
    local target=$1
    shift
    hotfix build --target "$target" --old old.o --new new.o -o patch.so "$@" >build.log 2>&1 &&
        hotfix pack --target "$target" --patch patch.so --key key.key --name fix --version 1 -o fix.hotfix "$@" \
            >pack.log 2>&1
}

# told CLAIM WANTED COMMAND...: what ./server answers
told() {
    local claim=$1 wanted=$2
    shift 2
    printf '%s\n' "$@" | timeout 60 ./server trust >got 2>&1
    is "$claim" "$(cat got)" "$wanted" || cat build.log pack.log | diagnose
}

# story TITLE
story() {
    told "$1: the new field has what the objects knew, lives and dies with them, and goes with the fix" \
        'wrong 1: out
wrong 1: out
right 2: in
apply ok
right 1: in
wrong 1: out
right 1: out
wrong 2: out
right 2: in
wrong 3: out
wrong 3: out
wrong 3: out
right 3: out
freed 0
freed 1
revert ok
freed 3
right 1: in
right 3: in
apply ok
right 1: out' \
        'open 1' 'open 2' 'wrong 1' 'wrong 1' 'right 2' 'apply fix.hotfix' 'right 1' 'wrong 1' 'right 1' 'wrong 2' \
        'right 2' 'open 3' 'wrong 3' 'wrong 3' 'wrong 3' 'right 3' 'freed -' 'close 2' 'freed -' 'revert -' \
        'freed -' 'right 1' 'right 3' 'apply fix.hotfix' 'right 1'
    told "$1: a hook that refuses changes nothing" \
        'wrong 1: out
wrong 1: out
wrong 1: out
apply hotfix_on_apply of the patch refused with 3
freed 1
right 1: in
apply ok
right 1: out' \
        'open -1' 'open 1' 'wrong 1' 'wrong 1' 'wrong 1' 'apply fix.hotfix' 'freed -' 'right 1' 'close -1' \
        'apply fix.hotfix' 'right 1'
}

for compiler in ${COMPILERS:-gcc clang}; do
    for mode in pie no-pie; do
        compile "$compiler" "-f$mode" || exit 1
        "$compiler" "-$mode" -Wl,--build-id -o server main.o old.o "${STATIC[@]}" || exit 1
        pack server
        story "$compiler, $mode, libhotfix.a"
        "$compiler" "-$mode" -Wl,--build-id -o server main.o old.o "${SHARED[@]}" || exit 1
        pack server
        story "$compiler, $mode, libhotfix.so"
    done
done

# The patch finds libhotfix.a in the symbols that were stripped.
compile gcc -fPIE || exit 1
gcc -pie -Wl,--build-id -o server main.o old.o "${STATIC[@]}" || exit 1
objcopy --only-keep-debug server server.debug && strip server
pack server --debug server.debug
story "stripped"

# A library takes what the program that loads it offers: nobody knows before which one that is.
compile gcc -fPIC || exit 1
gcc -shared -Wl,--build-id -o libsession.so old.o
TO_DO="; link the program with libhotfix.so, or with -rdynamic, and accept this by a waiver"
printf '[waiver.program]\ncheck = symbols\nreason = our programs link it\nexpires = 2999-12-31\n' >waivers.ini
# shellcheck disable=SC2016
LIBRARY=(-L. -lsession '-Wl,-rpath,$ORIGIN')

pack libsession.so
is "a library alone does not prove that there is a libhotfix" "$(grep -c "hotfix_shadow_detach', .*$TO_DO\$" build.log)" 1
hotfix build --target libsession.so --old old.o --new new.o -o patch.so --waivers waivers.ini >build.log 2>&1 &&
    hotfix pack --target libsession.so --patch patch.so --key key.key --name fix --version 1 -o fix.hotfix \
        --waivers waivers.ini >pack.log 2>&1
gcc -Wl,--build-id -o server main.o "${LIBRARY[@]}" "${SHARED[@]}" || exit 1
story "a library, the program with libhotfix.so"
gcc -rdynamic -Wl,--build-id -o server main.o "${LIBRARY[@]}" "${STATIC[@]}" || exit 1
story "a library, the program with libhotfix.a and -rdynamic"
gcc -Wl,--build-id -o server main.o "${LIBRARY[@]}" "${STATIC[@]}" || exit 1
printf '%s\n' 'open 1' 'apply fix.hotfix' 'right 1' | ./server trust >got 2>&1
is "a program that keeps libhotfix.a to itself is told what is missing, and goes on" \
    "$(sed 's/refuses the patch: .*undefined symbol: hotfix_shadow_[a-z_]*$/refuses the patch: undefined symbol/' got)" \
    'apply the dynamic linker refuses the patch: undefined symbol
right 1: in'

# refused CLAIM OPTION...: the program is linked with these
refused() {
    local claim=$1
    shift
    gcc -Wl,--build-id -o server old.o "$@" || exit 1
    run hotfix build --target server --old old.o --new new.o -o refused.so
    is "$claim" "$status $(sed "s/hotfix_shadow_[a-z_]*/X/; s/'[a-z_]*' refers/'F' refers/" "$ERR")" \
        "1 hotfix build: new.o: 'F' refers to 'X' of libhotfix, which server was not linked with, or only with one that \
has no such function; if it was and is stripped, give --debug"
    [ ! -e refused.so ] || result 1 "$claim: nothing is written"
}

compile gcc -fPIE || exit 1
cat >alone.c <<'SOURCE'
#include "session.h"
int hotfix_version(void);
int hotfix_version(void)
{
    return session_login(session_open(1), 1);
}
int main(void)
{
    session_close(sessions);
    return hotfix_version();
}
SOURCE
gcc -O2 -g "-I$SOURCES" -c alone.c
sed 's/hotfix_version/version/' alone.c | gcc -O2 -g "-I$SOURCES" -x c -c -o without.o -
refused "a program without libhotfix is refused when the patch is built" without.o
refused "so is one with a libhotfix that has no shadow data" alone.o

finish
