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

#ifdef LIBRARY
extern int quota;
int limit(int value);
int (*volatile pointer)(int);
#else
int quota = 500;
#endif
#ifdef LOUD
int limit(int value) { return -value; }
__thread int limits;
#elif defined(OTHER)
int limit(int value) { return value * 2; }
#elif !defined(LACKING) && !defined(LIBRARY)
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

#ifdef LIBRARY
    pointer = limit;
#endif
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
# compile FILE: old.o, new.o and module.so of compiler and flags
compile() {
    { echo '#line 1' && cat "$1"; } >source/module.c
    "$compiler" "${flags[@]}" -c source/module.c -o old.o || exit 1
    { printf '#define FIXED\n#line 1\n' && cat "$1"; } >source/module.c
    "$compiler" "${flags[@]}" -c source/module.c -o new.o || exit 1
    "$compiler" -shared -Wl,--build-id -o module.so old.o || exit 1
}
build() {
    hotfix build --target module.so --old old.o --new new.o -o patch.so "$@"
}

for compiler in gcc clang; do
    for level in -O0 -O2; do
        flags=(-g -fPIC "$level" -ffunction-sections -fdata-sections)
        [ "$compiler" = clang ] && flags+=(-grecord-command-line)
        compile module.c
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

# The bundle is for this very program.
id=$(readelf -n host | sed -n 's/.*Build ID: //p')
is "show tells of the program" "$(hotfix show fix.hotfix | sed -n '/^host /,/^uses of it/p')" \
    "host         host
its build-id $id
uses of it   limit quota"
is "so it does as JSON" "$(hotfix show --json fix.hotfix | jq -c .host)" \
    "{\"name\":\"host\",\"build_id\":\"$id\",\"symbols\":[\"limit\",\"quota\"]}"
verify() {
    run hotfix verify --trust trust --target module.so "$@" fix.hotfix
}
verify
is "verify says that nobody looked at the program" "$status $(grep -c 'no host was given: --host PROGRAM' "$OUT")" "0 1"
verify --host host
is "verify looks at it" "$status $(grep '^checked *host' "$OUT")" \
    "0 checked      host has the host's build-id and exports what the patch uses of it"
verify --host host --json
is "which is a step of its own" "$(json verified)" "signature contents expiry payload target host"

# Programs that have the same names, and something else under them.
gcc "${INCLUDES[@]}" -w -rdynamic -DOTHER -o other host.c "${LIBS[@]}" || exit 1
run ./other fix.hotfix trust
is "another program is refused, and goes on" "$status $(cat "$OUT" "$ERR")" "1 8 refused 16
the patch uses what host with build-id $id exports, and this process is of another program or another build: build and pack the fix with --host for this one"
verify --host other
is "verify refuses it, too" "$status $(cat "$ERR")" "1 hotfix verify: host other: its build-id is $(
    readelf -n other | sed -n 's/.*Build ID: //p'), and the patch uses what host with build-id $id exports"
verify --host host --json
is "what is fine stays so" "$status" 0
cp host renamed
run ./renamed fix.hotfix trust
is "the program may have another name" "$(cat "$OUT" "$ERR")" "8 511 24"

# A library that loads the module may come behind a program that exports the same name.
cat >library.c <<'C'
int quota = 500;
__thread int limits = 7;
int limit(int value) { return value > 10 ? 10 + limits - 7 : value; }
C
gcc -shared -fPIC -Wl,--build-id -o liblimit.so library.c &&
    gcc "${INCLUDES[@]}" -w -rdynamic -DLIBRARY -fno-pie -no-pie -o quiet host.c ./liblimit.so "${LIBS[@]}" && gcc "${INCLUDES[@]}" -w -rdynamic -DLIBRARY -DLOUD -o loud host.c \
    -Wl,--no-as-needed ./liblimit.so "${LIBS[@]}" || exit 1
run build --host liblimit.so
[ "$status" = 0 ] && run hotfix pack --target module.so --patch patch.so --host liblimit.so --key key.key --name f \
    --version 2 -o library.hotfix
is "a library that loads the module can be its host" "$status $(cat "$ERR")" "0 "
ok "of which a program may have the variables in its own memory" sh -c "readelf -r quiet | grep -q 'COPY.*quota'"
ok "and stubs for the functions" sh -c "readelf --dyn-syms quiet | grep -q ': 0*[1-9a-f][0-9a-f]* .*UND limit'"
run ./quiet library.hotfix trust
is "its function is used" "$(cat "$OUT" "$ERR")" "8 511 24"
run ./loud library.hotfix trust
is "but not where the program's would be" "$(cat "$OUT" "$ERR")" "8 refused 16
the patch uses 'limit' of liblimit.so, and in this process that name is taken from ./loud, which was loaded first"
run ./host library.hotfix trust
is "nor where the library is missing" "$status $(grep -c 'uses what liblimit.so with build-id' "$ERR")" "1 1"

# A variable that each thread has.
sed 's/extern int quota;/extern __thread int limits;/; s/+ quota;/+ limits;/' module.c >thread.c
compile thread.c
run build --host liblimit.so
[ "$status" = 0 ] && run hotfix pack --target module.so --patch patch.so --host liblimit.so --key key.key --name f \
    --version 3 -o thread.hotfix
is "a thread-local variable of the host's can be used" "$status $(cat "$ERR")" "0 "
run ./quiet thread.hotfix trust
is "and is found" "$(cat "$OUT" "$ERR")" "8 17 24"
run ./loud thread.hotfix trust
is "as is another module's" "$status $(grep -c "the patch uses 'limit" "$ERR")" "1 1"

# Nothing is said of a program of which nothing is used, and nothing can be said of one without a build-id.
sed 's/return limit(state).*/return state * 2;/' module.c >alone.c
compile alone.c
run build --host host
[ "$status" = 0 ] && run hotfix pack --target module.so --patch patch.so --host host --key key.key --name f --version 4 \
    -o none.hotfix
is "a fix that uses nothing of the program names none" "$status $(hotfix show --json none.hotfix | jq .host)" "0 null"
run hotfix verify --trust trust --target module.so --host other none.hotfix
is "so any program will do" "$status $(grep '^checked  *the patch' "$OUT")" \
    "0 checked      the patch uses nothing of a program that loads the target"
compile module.c
gcc "${INCLUDES[@]}" -w -rdynamic -Wl,--build-id=none -o anonymous host.c "${LIBS[@]}" || exit 1
run build --host anonymous
is "a program without a build-id is refused" "$status $(cat "$ERR")" \
    "1 hotfix build: --host: anonymous has no build-id, by which a process could be told to run it: link it with -Wl,--build-id"
run build --host host
is "a program with one is not" "$status" 0

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
