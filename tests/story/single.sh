# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # lib.sh sets status
# Programs of one file, program.c, whose fix is what -DFIXED makes of it. They have a function probe(). Sourced behind
# lib.sh.
#
#   compile COMPILER FLAG...                        old.o, new.o and target
#   refused STATUS SENTENCE CLAIM COMPILER FLAG...  one test: build says no, with this sentence
#   works OUTPUT CLAIM COMPILER FLAG...             one test: what the program prints, released, fixed and reverted

LIBS=("$LIBRARY/libhotfix.a" -lcrypto -lpthread -ldl)
INCLUDES=("-I$ROOT/loader" "-I$ROOT/manifest")

hotfix keygen key >/dev/null || exit 1
mkdir trust
cp key.pub trust

# Prints probe() twice: as released, fixed, and reverted.
cat >host.c <<'C'
#include <hotfix.h>
#include <stdio.h>

int probe(int round);

static void show(const char *what)
{
    printf("%s %d", what, probe(0));
    printf(" %d\n", probe(1));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct hotfix_apply_options patient = HOTFIX_APPLY_OPTIONS_INIT;
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix_error error;
    struct hotfix *hotfix;

    options.trust = argv[argc - 1];
    patient.deadline_ns = 20000000000u;
    if (hotfix_open(&options, &hotfix, &error) != 0)
        return 2;
    show("old");
    if (hotfix_apply_opt(hotfix, argv[1], &patient, &result) != 0) {
        printf("%s\n", result.error.message);
        return 1;
    }
    show("new");
    if (hotfix_revert_opt(hotfix, NULL, &patient, &result) != 0)
        return 1;
    show("old");
    return 0;
}
C

# compile COMPILER FLAG...: old.o, new.o and target of program.c
compile() {
    local compiler=$1
    shift
    local flags=(-g -w -ffunction-sections -fdata-sections "$@")
    [ "$compiler" = clang ] && flags+=(-grecord-command-line)
    rm -rf source patch.so
    mkdir source
    sed '1i #line 1' program.c >source/program.c &&
        "$compiler" "${flags[@]}" -c source/program.c -o old.o &&
        { printf '#define FIXED\n#line 1\n' && cat program.c; } >source/program.c &&
        "$compiler" "${flags[@]}" -c source/program.c -o new.o &&
        "$compiler" "$@" -w "${INCLUDES[@]}" -Wl,--build-id -o target host.c old.o "${LIBS[@]}"
}

# refused STATUS SENTENCE CLAIM COMPILER FLAG...
refused() {
    local wanted=$1 sentence=$2 claim=$3
    shift 3
    compile "$@" || exit 1
    expect "$wanted" "hotfix build: new.o: $sentence" "$claim" \
        hotfix build --target target --old old.o --new new.o -o patch.so
}

# works OUTPUT CLAIM COMPILER FLAG...: what the fixed program says in between
works() {
    local wanted=$1 claim=$2
    shift 2
    compile "$@" || exit 1
    run hotfix build --target target --old old.o --new new.o -o patch.so
    [ "$status" = 0 ] && run hotfix pack --target target --patch patch.so --key key.key --name f --version 1 -o fix.hotfix
    [ "$status" = 0 ] && run ./target fix.hotfix trust
    is "$claim" "$status $(tr '\n' ' ' <"$OUT")$(cat "$ERR")" "0 $wanted "
}
