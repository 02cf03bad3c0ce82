#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From old and new objects to a patch that a running program takes, and that shares its state: at every optimisation
# level, for programs (position-independent and not) and libraries, by gcc and by clang.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

SOURCES=$ROOT/tests/build
LIBS=("$LIBRARY/libhotfix.a" -lcrypto -lpthread -ldl)

hotfix keygen key >/dev/null || exit 1
mkdir trust
cp key.pub trust

cat >wanted <<'OUTPUT'
total 1
local 1
same 11 32
thread 77
table 1002 33 56
goto 6
name own_name
identity 1 4
end 11
weak 1 alias 41 common 1
indirect 103
text old 2 Success
double 3.50
thread 77
apply ok
total 2000011
local 20
same 120 340
thread 790
table 1012 330 65
goto 60
words
name own_name
identity 1 40
end 21
weak 10 alias 50 common 11
indirect 1030
text new 20 Success
double 12.50
thread 790
revert ok
total 12
local 3
same 13 36
thread 81
table 1004 33 56
goto 6
name own_name
identity 1 4
end 22
weak 1 alias 41 common 12
indirect 103
text old 2 Success
double 3.50
thread 81
OUTPUT

# compile COMPILER FLAGS...: old, new and host objects in the current directory
compile() {
    local compiler=$1
    shift
    local flags=(-g -w -ffunction-sections -fdata-sections "-I$ROOT/loader" "-I$ROOT/manifest" "-I$SOURCES" "$@")
    [ "$compiler" = clang ] && flags+=(-grecord-command-line)
    mkdir -p old new pic source
    cp "$SOURCES/subject.c" source &&
        "$compiler" "${flags[@]}" -c source/subject.c -o old/subject.o &&
        "$compiler" "${flags[@]}" -c "$SOURCES/other.c" -o old/other.o &&
        cp old/other.o new &&
        { printf '#define FIXED\n#line 1\n' && cat "$SOURCES/subject.c"; } >source/subject.c &&
        "$compiler" "${flags[@]}" -c source/subject.c -o new/subject.o &&
        "$compiler" "${flags[@]}" -fPIC -c source/subject.c -o pic/subject.o &&
        "$compiler" "${flags[@]}" -c "$SOURCES/host.c" -o host.o
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

# story COMPILER LEVEL MODE FLAGS...
story() {
    local compiler=$1 level=$2 mode=$3 code id
    local claim="$*: the patch shares the target's state, and goes again"
    shift 3
    case $mode in
    pie) code=-fPIE ;;
    fixed) code=-fno-pie ;;
    *) code=-fPIC ;;
    esac
    cd "$SCRATCH" && rm -rf work && mkdir work && cd work || exit 1
    if ! compile "$compiler" "$level" "$code" "$@" || ! link "$compiler" "$mode"; then
        result 1 "$claim"
        return
    fi
    if hotfix build --target "$target" --old old --new new --pic pic -o patch.so >build.log 2>&1 &&
        hotfix pack --target "$target" --patch patch.so --key ../key.key --name fix --version 1 -o fix.hotfix \
            --json >pack.json 2>pack.log; then
        id=$(sed -n 's/^ *"id": "\([0-9a-f]*\)",*$/\1/p' pack.json | head -1)
        printf '%s\n' run thread 'apply fix.hotfix' run thread "revert $id" run thread |
            timeout 60 ./host ../trust >got 2>stderr
    fi
    if cmp -s ../wanted got && [ "$(tr '\n' ' ' <stderr)" = 'stderr 1 stderr 10 stderr 1 ' ]; then
        result 0 "$claim"
    else
        result 1 "$claim"
        { cat build.log pack.log stderr; diff ../wanted got; } 2>&1 | diagnose
    fi
}

for compiler in gcc clang; do
    for mode in pie fixed shared; do
        for level in -O0 -O1 -O2 -O3 -Os; do
            # An indirect function's address, which clang computes there, is beyond GNU ld for arm64.
            if [ "$(uname -m) $compiler $level $mode" = "aarch64 clang -O0 pie" ]; then
                result 0 "$compiler $level $mode # SKIP GNU ld cannot link what clang makes of an indirect function"
                continue
            fi
            story $compiler $level $mode
        done
    done
done
story gcc -O2 pie -fno-plt
case $(uname -m) in
aarch64) story gcc -O2 pie -mbranch-protection=standard ;;
*) story gcc -O2 pie -fcf-protection=full ;;
esac
story gcc -O2 pie -fpatchable-function-entry=5
story gcc -O2 pie -fpatchable-function-entry=16,14
story gcc -O2 pie -gdwarf-4
story gcc -O2 pie -gz
story gcc -O2 fixed -fcommon
story gcc -O2 shared -ftls-model=initial-exec
story clang -O2 shared -ftls-model=local-dynamic
story gcc -O2 pie -ftls-model=global-dynamic
finish
