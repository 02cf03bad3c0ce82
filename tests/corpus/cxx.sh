#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Debian's security fixes to libraries in C++, one by one: a program that has the library as it was before each shows what
# the fix is about, applies it while it runs, shows it again, and reverts.
#
#     cxx.sh [PACKAGE...]    all packages of cxx.list, or those named
#
# Reads BUILD (where hotfix was built), CORPUS_CACHE, CORPUS_WORK and CORPUS_JOBS. Exits with 77 when a source package
# cannot be had.

# shellcheck source=tests/corpus/lib.sh
. "$(dirname "$0")/lib.sh"
list=$root/tests/corpus/cxx.list
programs=$root/tests/corpus/cxx
export CXXFLAGS=$CFLAGS

# For each package: prepare_NAME configures its tree, $make builds the library $library (a path in the tree), $headers are
# what a program of it is compiled with.

prepare_tinyxml() {
    library=libtinyxml.so.2.6.2
    make="make -s CXX='g++' CXXFLAGS='$CPPFLAGS $CXXFLAGS -fPIC -DTIXML_USE_STL' tinystr.o tinyxml.o tinyxmlerror.o tinyxmlparser.o &&
        g++ -shared -Wl,--build-id $LDFLAGS -o $library tinystr.o tinyxml.o tinyxmlerror.o tinyxmlparser.o"
    headers="-DTIXML_USE_STL -I$tree"
}

# As debhelper has cmake configure; as a part of each build, since cmake writes down where it found the compiler.
use_cmake() {
    make="rm -rf obj && cmake -S . -B obj -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS='$CPPFLAGS $CXXFLAGS' \
        -DCMAKE_SHARED_LINKER_FLAGS='-Wl,--build-id $LDFLAGS' $* && make -s -C obj -j$jobs"
}

prepare_libebml() {
    use_cmake -DBUILD_SHARED_LIBS=ON
    library=obj/libebml.so
    headers="-I$tree -I$tree/obj"
}

build() {
    (cd "$tree" && sh -c "$make") >"$work/make.log" 2>&1 || die "$package does not build: see $work/make.log"
}

# What the program showed at one time.
shown() {
    sed -n "s/^$1: //p" "$work/output"
}

# Sets $verdict, $functions and $effect.
apply_and_revert() {
    verdict=applied functions=- effect=-
    # shellcheck disable=SC2086 # options are words
    g++ -O1 -I"$root/loader" -I"$root/manifest" $headers -o "$work/program" "$programs/main.cc" "$programs/$package.cc" \
        "$target" "$BUILD/libhotfix.a" -lcrypto -lpthread -ldl -Wl,-rpath,"$(dirname "$target")" 2>"$work/program.log" ||
        die "the program of $package does not build: see $work/program.log"
    (cd "$work" && timeout 120 ./program trust fix.hotfix "$1") >"$work/output" 2>"$work/program.log"
    if [ "$(shown back)" != "$(shown old)" ] || ! grep -q '^back: ' "$work/output"; then
        verdict="broken: $(paste -sd/ "$work/output")"
        return
    fi
    functions=$(field functions <"$work/output")
    effect="$(shown old) -> $(shown new)"
}

# fix PATCH EXPECTED EFFECT: one row of the table.
fix() {
    if fix_pack "$target" "$tree" "$1" "$make"; then
        apply_and_revert "$1"
        # shellcheck disable=SC2053 # a pattern
        [[ $effect == ${3:-*} ]] || verdict="no effect: $effect"
        row "$package $1" "$functions" "$verdict" - "$built" "$2"
        [ "$verdict" = applied ] && printf '    %s\n' "$effect"
    else
        row "$package $1" - "refused: $refused" - "$built" "$2"
    fi
}

take() {
    local patch known
    tree=$work/$package
    rm -rf "$tree" "$work/patch.log"
    unpack "$package" "$tree"
    local ready=
    while read -r patch; do
        IFS=$'\t' read -r known verdict_wanted effect_wanted < <(awk -F '\t' -v package="$package" -v patch="$patch" \
            '$1 == package && $2 == patch { print $2 "\t" $3 "\t" $4 }' "$list")
        if [ -n "$known" ]; then
            [ -n "$ready" ] || "prepare_$package"
            ready=yes
            build
            target=$(realpath "$tree/$library")
            fix "$patch" "$verdict_wanted" "$effect_wanted"
        fi
        apply_patch "$tree" "$patch" || die "$patch does not apply: see $work/patch.log"
    done < <(patches "$tree")
}

packages=("$@")
[ $# -gt 0 ] || readarray -t packages < <(sed -n 's/^\([a-z][^\t]*\)\t.*/\1/p' "$list" | uniq)
mkdir -p "$work" || die "cannot make $work"
make_keys
table_head
for package in "${packages[@]}"; do
    fetch "$package"
    take
done
finish
