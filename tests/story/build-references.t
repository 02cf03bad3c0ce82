#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What compilers name and number themselves, functions that they cut up or that are too short, things that move, new
# files and hooks: the patched program keeps its state and does what the fix says, whoever compiled it and how.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

SOURCES=$ROOT/tests/build
LIBS=("$LIBRARY/libhotfix.a" -lcrypto -lpthread -ldl)

hotfix keygen key >/dev/null || exit 1
mkdir trust
cp key.pub trust

cat >wanted <<'OUTPUT'
first 11
second 21
third 41
mover 51
early 13
scaled 3
partly 22260
nothing 1
warm 2
cold -23
tail 6
table 9
across 11
back 11
optional 1
self 1
global 3
static 11
by data 61
inlined 71
inlined 72
no size 1
thread 3
far 4
migrated 1
apply ok
first 111
second 121
third 141
mover 151
early 600607
scaled 100300
partly 21565
nothing 100
warm 1002
cold -207090401
tail 1501
table 2108
across 102
back 1101
optional 100
self 100
global 1102
static 111
by data 161
inlined 172
inlined 272
no size 100
thread 201
far 5104
migrated 1001
OUTPUT

# compile COMPILER FLAGS...: two files that are fixed and one that is new, and the host
compile() {
    local compiler=$1 file
    shift
    local flags=(-g -w -ffunction-sections -fdata-sections "-I$ROOT/loader" "-I$ROOT/manifest" "-I$SOURCES" "$@")
    [ "$compiler" = clang ] && flags+=(-grecord-command-line)
    # Else it makes one of several variables, which is another one when the fix brings a new one.
    [ "$compiler $(uname -m)" != "clang aarch64" ] || flags+=(-mno-global-merge)
    mkdir -p old new source
    for file in tricky tricky_other; do
        cp "$SOURCES/$file.c" source &&
            "$compiler" "${flags[@]}" -c source/$file.c -o old/$file.o &&
            { printf '#define FIXED\n#line 1\n' && cat "$SOURCES/$file.c"; } >source/$file.c &&
            "$compiler" "${flags[@]}" -c source/$file.c -o new/$file.o || return 1
    done
    cp "$SOURCES/tricky_new.c" source &&
        "$compiler" "${flags[@]}" -c source/tricky_new.c -o new/tricky_new.o &&
        "$compiler" "${flags[@]}" -c "$SOURCES/tricky_main.c" -o host.o
}

# link COMPILER MODE: the target, whose name is left in $target
link() {
    local compiler=$1 mode=$2
    target=host
    if [ "$mode" = shared ]; then
        target=libsubject.so
        "$compiler" -shared -Wl,--build-id -o libsubject.so old/*.o &&
            "$compiler" -Wl,--build-id -Wl,-E -o host host.o "${LIBS[@]}" -L. -lsubject "-Wl,-rpath,\$ORIGIN"
        return
    fi
    "$compiler" "$([ "$mode" = pie ] && echo -pie || echo -no-pie)" -Wl,--build-id -o host host.o old/*.o "${LIBS[@]}"
}

# story COMPILER LEVEL MODE
story() {
    local compiler=$1 level=$2 mode=$3 code
    local claim="$*: what moved, was renumbered or cut up is found again"
    case $mode in
    pie) code=-fPIE ;;
    fixed) code=-fno-pie ;;
    *) code=-fPIC ;;
    esac
    cd "$SCRATCH" && rm -rf work && mkdir work && cd work || exit 1
    if compile "$compiler" "$level" "$code" && link "$compiler" "$mode" &&
        hotfix build --target "$target" --old old --new new -o patch.so >build.log 2>&1 &&
        hotfix pack --target "$target" --patch patch.so --key ../key.key --name fix --version 1 -o fix.hotfix \
            >pack.log 2>&1; then
        printf '%s\n' run 'apply fix.hotfix' run | timeout 60 ./host ../trust >got 2>stderr
    fi
    if cmp -s ../wanted got; then
        result 0 "$claim"
    else
        result 1 "$claim"
        { cat build.log pack.log stderr; diff ../wanted got; } 2>&1 | diagnose
    fi
}

for compiler in gcc clang; do
    for mode in pie fixed shared; do
        for level in -O0 -O2 -O3 -Os; do
            story $compiler $level $mode
        done
    done
done
finish
