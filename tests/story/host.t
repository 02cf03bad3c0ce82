#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A module that a program opens, whose fix is the first to use what that program exports: --host names the program.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

hotfix keygen key >/dev/null || exit 1
mkdir trust source && cp key.pub trust || exit 1

cat >module.c <<'C'
int limit(int value);
extern int quota;
int state;
int work(int value)
{
    state += value;
#ifdef FIXED
    return limit(state) + quota;
#else
    return state;
#endif
}
C

cat >host.c <<'C'
#include <dlfcn.h>
#include <hotfix.h>
#include <stdio.h>

int quota = 500;
#ifndef LACKING
int limit(int value) { return value > 10 ? 10 : value; }
#endif

int main(int argc, char **argv)
{
    struct hotfix_apply_options patient = HOTFIX_APPLY_OPTIONS_INIT;
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix_error error;
    struct hotfix *hotfix;
    void *module = dlopen("./module.so", RTLD_NOW | RTLD_LOCAL);
    int (*work)(int) = module ? (int (*)(int))dlsym(module, "work") : NULL;

    options.trust = argv[argc - 1];
    patient.deadline_ns = 20000000000u;
    if (!work || hotfix_open(&options, &hotfix, &error) != 0)
        return 2;
    printf("%d", work(8));
    fflush(stdout);
    if (hotfix_apply_opt(hotfix, argv[1], &patient, &result) != 0) {
        fprintf(stderr, "%s\n", result.error.message);
        printf(" refused %d\n", work(8));
        return 1;
    }
    quota++;
    printf(" %d", work(8));
    if (hotfix_revert_opt(hotfix, NULL, &patient, &result) != 0)
        return 1;
    printf(" %d\n", work(8));
    return 0;
}
C

LIBS=("$LIBRARY/libhotfix.a" -lcrypto -lpthread -ldl)
INCLUDES=("-I$ROOT/loader" "-I$ROOT/manifest")
build() {
    hotfix build --target module.so --old old.o --new new.o -o patch.so "$@"
}

for compiler in gcc clang; do
    for level in -O0 -O2; do
        flags=(-g -fPIC "$level" -ffunction-sections -fdata-sections)
        [ "$compiler" = clang ] && flags+=(-grecord-command-line)
        { echo '#line 1' && cat module.c; } >source/module.c
        "$compiler" "${flags[@]}" -c source/module.c -o old.o || exit 1
        { printf '#define FIXED\n#line 1\n' && cat module.c; } >source/module.c
        "$compiler" "${flags[@]}" -c source/module.c -o new.o || exit 1
        "$compiler" -shared -Wl,--build-id -o module.so old.o || exit 1
        for link in -pie -no-pie; do
            gcc "${INCLUDES[@]}" -w -rdynamic "$link" -o host host.c "${LIBS[@]}" || exit 1
            run build
            is "$compiler $level: without --host the symbol is unknown" "$status $(cat "$ERR")" \
                "1 hotfix build: new.o: 'work' refers to 'limit', which neither the new objects nor module.so nor its libraries define"
            run build --host host
            is "$compiler $level: with the program it is built" "$status $(cat "$ERR")" "0 "
            run hotfix pack --target module.so --patch patch.so --key key.key --name f --version 1 -o fix.hotfix
            is "$compiler $level: pack wants to know the program, too" "$status $(grep -c 'name that program with --host' "$ERR")" \
                "3 3"
            run hotfix pack --target module.so --patch patch.so --host host --key key.key --name f --version 1 -o fix.hotfix
            is "$compiler $level: and takes it" "$status" 0
            run ./host fix.hotfix trust
            is "$compiler $level $link: the fix uses the program's function and variable" "$(cat "$OUT" "$ERR")" "8 511 24"
        done
    done
done

again() {
    hotfix verify --trust trust --target module.so --rebuild patch.so "$@" fix.hotfix
}
run again
is "who packs it again must name the program, too" "$status $(grep -c 'name that program with --host' "$ERR")" "3 1"
run again --host host
is "and then has the same bundle" "$status" 0

gcc "${INCLUDES[@]}" -w -rdynamic -DLACKING -o host host.c "${LIBS[@]}" || exit 1
run build --host host
is "a program that does not export it is no help" "$status $(grep -c "refers to 'limit'" "$ERR")" "1 1"
run ./host fix.hotfix trust
is "and refuses the bundle, and goes on" "$(cat "$OUT")" "8 refused 16"
echo text >none
run build --host none
is "what is no program is refused" "$status $(cat "$ERR")" "1 hotfix build: --host: none is no program for the CPU of module.so"

finish
