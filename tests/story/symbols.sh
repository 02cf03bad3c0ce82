# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # the stories set and use these
# Programs and libraries of several files, of which the fix may move anything. Sourced behind lib.sh.
#
#   scenario                        begins anew; FLAGS, RELEASE and LIBRARY may then be changed
#   file NAME <TEXT                 a source, whose #ifdef FIXED tells the release from the fix; main.c is not patched
#   works CLAIM OUTPUT              one test: what the program prints
#   refused STATUS SENTENCE CLAIM   one test: build says no, with this sentence

CC=gcc
LIBS=("$LIBRARY/libhotfix.a" -lcrypto -lpthread -ldl)
INCLUDES=("-I$ROOT/loader" "-I$ROOT/manifest" -I.)
SECTIONS=(-ffunction-sections -fdata-sections)

hotfix keygen key >/dev/null || exit 1
mkdir trust
cp key.pub trust

cat >fix.h <<'C'
#include <hotfix.h>
#include <stdio.h>
#include <stdlib.h>
static void fix(void)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_apply_options patient = HOTFIX_APPLY_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix_error error;
    struct hotfix *hotfix;
    options.trust = "trust";
    patient.deadline_ns = 20000000000u;
    setvbuf(stdout, NULL, _IONBF, 0);
    if (hotfix_open(&options, &hotfix, &error) != 0 || hotfix_apply_opt(hotfix, "fix.hotfix", &patient, &result) != 0)
        printf("error %s\n", result.error.message);
    hotfix_result_deinit(&result);
}
C

# scenario: forgets the files of the last one
scenario() {
    rm -rf before after old new proof target libtarget.so patch.so fix.hotfix RELEASE
    mkdir before after
    FLAGS=(-O2 -g -w) RELEASE=() LIBRARY=
}

# side FIXED: standard input without #ifdef FIXED and #ifndef FIXED, #else and #endif, and what these leave out
side() {
    awk -v fixed="$1" '/^#ifn?def FIXED/ { out = fixed == ($1 == "#ifndef"); next } /^#else/ { out = !out; next }
        /^#endif/ { out = 0; next } !out' | cat -s
}

# file NAME: standard input, without and with what is between #ifdef FIXED and #endif; an empty one is not there
file() {
    local text
    text=$(cat)
    side 0 >"before/$1" <<<"$text"
    side 1 >"after/$1" <<<"$text"
    [ -n "$(tr -d ' \n' <"before/$1")" ] || rm "before/$1"
    [ -n "$(tr -d ' \n' <"after/$1")" ] || rm "after/$1"
}

# objects FROM TO FLAGS...: in a place of one name, so that nothing but the fix makes a difference
objects() {
    local from=$1 to=$2 source
    shift 2
    mkdir -p "$to"
    rm -rf source
    cp -r "$from" source
    for source in source/*.[cS]; do
        source=${source#source/}
        [ "$source" = main.c ] && [ "$to" != proof ] && continue
        "$CC" "${FLAGS[@]}" "$@" "${INCLUDES[@]}" -c "source/$source" -o "$to/${source%.*}.o" || return 1
    done
}

# compile: the release of what is in before, as a program or a library with a program, and the objects of both sides
compile() {
    local pic=
    [ -z "$LIBRARY" ] || pic=-fPIC
    objects before proof $pic && objects before old $pic "${SECTIONS[@]}" && objects after new $pic "${SECTIONS[@]}" || return 1
    if [ -n "$LIBRARY" ]; then
        mv proof/main.o main.o
        "$CC" -shared -Wl,--build-id "${RELEASE[@]}" -o libtarget.so proof/*.o &&
            "$CC" -o target main.o ./libtarget.so "${LIBS[@]}"
    else
        "$CC" -Wl,--build-id "${RELEASE[@]}" -o target proof/*.o "${LIBS[@]}" && rm proof/main.o
    fi
}

build() {
    hotfix build --target "${LIBRARY:-target}" --old old --new new --proof proof -o patch.so "$@"
}

# works CLAIM WANTED: the program, in which the fix is applied, says this
works() {
    compile || exit 1
    if build >log 2>&1 && hotfix pack --target "${LIBRARY:-target}" --patch patch.so --key key.key --name fix \
        --version 1 -o fix.hotfix >log 2>&1; then
        is "$1" "$(./target 2>&1)" "$2"
    else
        result 1 "$1"
        diagnose <log
    fi
}

# refused STATUS SENTENCE CLAIM
refused() {
    compile || exit 1
    expect "$1" "hotfix build: $2" "$3" build
}
