#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Small programs on which a wrong patch once went through, or a right one did not: each is built, patched, applied and
# reverted, and what it prints is compared with what is right. tests/cases/README.md says what a case is made of.
# shellcheck disable=SC2086,SC2046 # flags are words

. "$(dirname "$0")/lib.sh"
cases=$ROOT/tests/cases
export here=$cases # for the `make` files of cases

# What an installed copy would have.
mkdir bin pc trust
ln -s "$HOTFIX" bin/hotfix
printf '%s\n' 'Name: hotfix' 'Description: the build under test' 'Version: 0' \
    "Libs: -L$LIBRARY -Wl,-rpath,$LIBRARY -lhotfix" "Cflags: -I$ROOT/loader -I$ROOT/manifest" >pc/hotfix.pc
export PATH=$SCRATCH/bin:$PATH PKG_CONFIG_PATH=$SCRATCH/pc TRUST=$SCRATCH/trust
unset -f hotfix
hotfix keygen k >/dev/null && cp k.pub trust/ || exit 1

text() { if [ -f "$1" ]; then cat "$1"; else printf '%s' "${2-}"; fi; }
flags_of_hotfix() { pkg-config --cflags hotfix; }
libs_of_hotfix() { pkg-config --libs hotfix; }

# In the work directory, with target and patch.so: prints what the program does, or that it was refused.
pack_and_run() {
    local binary=target program=target rc
    [ -f libpar.so ] && binary=libpar.so program=app
    hotfix pack --target "$binary" --patch patch.so --key "$SCRATCH/k.key" --name c --version 1 -o c.hotfix >log 2>&1
    case $? in 0) ;; 1 | 3) echo refused; return ;; *) echo "pack fails"; return ;; esac
    if [ -f packonly ]; then
        echo packed
        return
    elif [ -f calls ]; then
        sed 's|^apply$|apply c.hotfix|' calls | timeout 60 ./target >out 2>&1
    else
        timeout 60 "./$program" c.hotfix >out 2>&1
    fi
    rc=$?
    [ "$rc" = 0 ] || echo "exit $rc" >>out
    paste -sd/ out
}

# old.c and new.c: the released and the fixed source.
make_c() {
    local cc flags ld f others=()
    cc=$(text cc gcc) flags=$(text flags '-O2 -g') ld=$(text ldflags)
    cp old.c subject.c
    for f in *.c; do case $f in old.c | new.c | subject.c | main.c) ;; *) others+=("$f") ;; esac; done
    [ -f main.c ] || cp "$cases/main.c" .
    $cc $flags -c subject.c -o rel.o && $cc -O2 -g -c main.c -o main.o $(flags_of_hotfix) || return 9
    for f in "${others[@]}"; do $cc $flags -c "$f" -o "${f%.c}.o" || return 9; done
    $cc $flags $ld -Wl,--build-id -o target main.o rel.o "${others[@]/%.c/.o}" $(libs_of_hotfix) || return 9
    hotfix cc $cc $flags -c subject.c -o old.o && cp new.c subject.c && hotfix cc $cc $flags -c subject.c -o new.o ||
        return 9
    hotfix build --target target --old old.o --new new.o --proof rel.o -o patch.so
}

# C++: lines that end in //OLD and //NEW.
make_cpp() {
    local cxx flags src=$PWD
    cxx=$(text cxx g++) flags="$(text flags '-std=c++17 -O2') -g"
    case $cxx in clang*) flags+=" -grecord-command-line" ;; esac
    mkdir s rel old new pic
    cd s || return 9
    pick() { local f; for f in "$src"/*.cpp "$src"/*.h; do [ ! -f "$f" ] || sed "s|.*//$1\$||" "$f" >"$(basename "$f")"; done; }
    all() {
        local f o=$1
        shift
        for f in *.cpp; do $cxx $flags "$@" -c "$f" -o "../$o/${f%.cpp}.o" || return 9; done
    }
    pick NEW && all rel && all old -ffunction-sections -fdata-sections || return 9
    $cxx $flags $(flags_of_hotfix) -Wl,--build-id -o ../target ../rel/*.o "$cases/main.cpp" $(libs_of_hotfix) -pthread ||
        return 9
    pick OLD && all new -ffunction-sections -fdata-sections && all pic -ffunction-sections -fdata-sections -fPIC || return 9
    cd .. && hotfix build --target target --old old --new new --proof rel --pic pic -o patch.so
}

# tree/ and fix.patch; the tree is built before, unless a file `clean` says otherwise.
make_source() {
    local name make status
    name=$(text target server) make=$(text makes 'make -s')
    cp -r tree pristine && (cd tree && sh -c "$(text before "$make")") && cp "tree/$name" "$(basename "$name")" || return 9
    [ ! -f clean ] || { rm -rf tree && mv pristine tree; }
    hotfix build --target "$(basename "$name")" --source tree --patch fix.patch --make "$make" -o patch.so >said 2>&1
    status=$?
    cat said
    sed -n 's/^changed *[^ ]*: \([^ ]*\).*/\1/p' said | sort | paste -sd' ' >verdict
    return "$status"
}

# side yes|no FILE: what is between #ifdef FIXED (or #ifndef FIXED), #else and #endif, cut apart as two trees would be.
side() {
    awk -v want="$1" '
        /^ *# *if(n?)def +FIXED/ { k[++d] = "F"; on[d] = (/ifndef/ ? want == "no" : want == "yes"); next }
        /^ *# *if/ { k[++d] = "O"; on[d] = 1 }
        /^ *# *else/ && k[d] == "F" { on[d] = !on[d]; next }
        /^ *# *endif/ { if (k[d--] == "F") next }
        { show = 1; for (i = 1; i <= d; i++) if (k[i] == "F" && !on[i]) show = 0; if (show) print }' "$2"
}

# Both versions in one source; with a file `library`, lib*.c are the target.
make_fixed() {
    local cc flags release ld f lib=() own=() name=target
    cc=$(text cc gcc) flags="$(text flags -O2) -g" ld=$(text ldflags) release="$(text release) "
    case $cc in clang) flags+=" -grecord-command-line" ;; esac
    mkdir before after obj-old obj-new
    for f in *.c *.h; do [ ! -f "$f" ] || { side no "$f" >"before/$f" && side yes "$f" >"after/$f"; }; done
    cp "$cases/hf.h" before/ && cp "$cases/hf.h" after/
    for f in *.c; do if [ -f library ] && [[ $f == lib* ]]; then lib+=("$f"); else own+=("$f"); fi; done
    ln -s before src
    cd src || return 9
    if [ -f ../library ]; then
        $cc $flags $release -fPIC -shared -Wl,--build-id $ld -Wl,-soname,libpar.so -o ../libpar.so "${lib[@]}" &&
            $cc $flags $(flags_of_hotfix) -o ../app "${own[@]}" -L.. -lpar -Wl,-rpath,"$(dirname "$PWD")" \
                $(libs_of_hotfix) || return 9
        own=("${lib[@]}") flags+=" -fPIC" name=libpar.so
    else
        $cc $flags $release $(flags_of_hotfix) -Wl,--build-id $ld -o ../target "${own[@]}" $(libs_of_hotfix) || return 9
    fi
    objects() {
        local f
        for f in "${own[@]}"; do
            $cc $flags $(flags_of_hotfix) -ffunction-sections -fdata-sections -c -o "../$1/${f%.c}.o" "$f" || return 9
        done
    }
    objects obj-old && cd .. && rm src && ln -s after src && cd src && objects obj-new && cd .. || return 9
    hotfix build --target $name --old obj-old --new obj-new -o patch.so
}

# A case with a build of its own.
# shellcheck source=/dev/null
make_own() { . ./make; }

for case in "$cases"/*/; do
    name=$(basename "$case")
    work=$SCRATCH/programs/$name
    mkdir -p "$SCRATCH/programs" && cp -r "$case" "$work" && cd "$work" || exit 1
    if [ -f make ]; then
        kind=make_own
    elif [ -d tree ]; then
        kind=make_source
    elif grep -qs 'def FIXED' ./*.[ch]; then
        kind=make_fixed
    elif [ -f old.c ]; then
        kind=make_c
    else
        kind=make_cpp
    fi
    $kind >build.log 2>&1
    made=$?
    cd "$work" || exit 1
    case $made in
    0) if [ -f verdict ]; then got=$(cat verdict); else got=$(pack_and_run); fi ;;
    1 | 3) got=refused ;;
    *) got="build fails with $made" ;;
    esac
    # An apply that is refused changes nothing.
    if grep -qE 'apply: error|revert: error' <<<"$got" && ! grep -qE 'exit 1[0-9][0-9]' <<<"$got"; then got=refused; fi
    grep -qE "^($(paste -sd'|' right))\$" <<<"$got"
    result $? "$name: $(cat about)" || { echo "got: $got" && tail -n 3 build.log; } | diagnose
    cd "$SCRATCH" && rm -rf "$work"
done

finish
