# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2086 # flags and names are words
# What the stories about C++ share. A case is a source on standard input in which a line that ends in //OLD is the
# release's alone, one that ends in //NEW the fix's; it defines `void scenario(const char *when)`, which prints. Made as
# a program, or as a library (LINK=library) that the program loads when it starts; a header is `MARKED header FILE`.
#
#   build_case CXX FLAGS     target, objects, patch.so: sets $status, as `run` does; what the command said is in $ERR
#   refuses CLAIM TEXT       build says no, in a sentence with this text
#   applies CLAIM WANTED     packed, applied and reverted: the lines that scenario() prints, joined with '/'

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

hotfix keygen key >/dev/null && mkdir trust && cp key.pub trust || exit 1

cat >main.cpp <<'SOURCE'
#include <cstdio>
#include "hotfix.h"

void scenario(const char *when);

int main(int, char **argv)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix_error error;
    struct hotfix *hotfix;

    struct hotfix_apply_options how = HOTFIX_APPLY_OPTIONS_INIT;
    options.trust = "trust";
    if (hotfix_open(&options, &hotfix, &error) != 0)
        return 2;
    scenario("old");
    how.deadline_ns = 10000000000u;
    if (hotfix_apply_opt(hotfix, argv[1], &how, &result) != 0) {
        printf("%s\n", result.error.message);
        return 0;
    }
    hotfix_result_deinit(&result);
    scenario("new");
    if (hotfix_revert_opt(hotfix, nullptr, &how, &result) != 0)
        printf("%s\n", result.error.message);
    scenario("back");
    hotfix_close(hotfix);
}
SOURCE

# pick OLD|NEW FILE...: writes each FILE from FILE.in, without the lines of the other side
pick() {
    local other=NEW name
    [ "$1" = NEW ] && other=OLD
    shift
    for name; do sed "s|^.*//$other\$||" "$name.in" >"$name"; done
}

compile() { # DIRECTORY FLAG...
    local to=$1 unit
    shift
    mkdir -p "$to"
    for unit in case ${UNITS-}; do "$CXX" $flags "$@" -c "$unit.cpp" -o "$to/$unit.o" || return; done
}

# With a header in HEADER.in beside the case, further units in NAME.cpp.in for each NAME of UNITS, and objects for the
# release in OTHERS.
build_case() {
    CXX=$1 flags="-g $2"
    local sections=(-ffunction-sections -fdata-sections) shared=() sources
    case $CXX in clang*) flags+=" -grecord-command-line" ;; esac
    [ "${LINK-}" = library ] && flags+=" -fPIC"
    cat >case.cpp.in
    sources="case.cpp ${HEADER-}$(printf ' %s.cpp' ${UNITS-} | grep -v '^ .cpp$')"
    rm -rf rel old new pic target libcase.so patch.so
    pick OLD $sources && compile rel && compile old "${sections[@]}" || exit 1
    pick NEW $sources && compile new "${sections[@]}" && compile pic -fPIC "${sections[@]}" || exit 1
    pick OLD $sources
    binary=target
    if [ "${LINK-}" = library ]; then
        "$CXX" $flags -shared -Wl,--build-id -o libcase.so rel/*.o || exit 1
        binary=libcase.so
        shared=(-L. -lcase "-Wl,-rpath,$PWD")
    else
        shared=(rel/*.o)
    fi
    "$CXX" $flags -I"$ROOT/loader" -I"$ROOT/manifest" -Wl,--build-id -o target main.cpp "${shared[@]}" ${OTHERS-} \
        "$LIBRARY/libhotfix.a" -lcrypto -lpthread -ldl || exit 1
    run hotfix build --target "$binary" --old old --new new --proof rel --pic pic -o patch.so
}

pack_case() {
    run hotfix pack --target "$binary" --patch patch.so --key key.key --name case --version 1 -o case.hotfix
}

refuses() {
    { [ "$status" = 1 ] || [ "$status" = 3 ]; } && grep -qF -- "$2" "$ERR"
    result $? "$1" || { echo "build: $status" && cat "$ERR"; } | diagnose
}

applies() {
    [ "$status" = 0 ] && pack_case
    if [ "$status" = 0 ]; then
        timeout 60 ./target case.hotfix >got 2>&1 || echo "exit $?" >>got
        is "$1" "$(paste -sd/ got)" "$2"
    else
        result 1 "$1"
        cat "$OUT" "$ERR" | diagnose
    fi
}
