#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The old-object proof in a patch: it settles how a function was compiled where the old object was compiled like the
# patch, and nothing else.
. "$(dirname "$0")/lib.sh"

cat >shop.c <<'SOURCE'
#define APART __attribute__((noinline))
APART int fee(int value)
{
    return value * 7 / 3 + 1;
}
#ifndef ALONE
APART int rate(int value)
{
    return value > 3 ? value / 3 : value * 5;
}
#endif
SOURCE
cat >main.c <<'SOURCE'
int fee(int value);
int main(int argc, char **argv)
{
    (void)argv;
    return fee(argc);
}
SOURCE
mkdir source

# compile DIRECTORY FLAG...: the object of source/shop.c
compile() {
    mkdir -p "$1"
    "$compiler" -g -ffunction-sections -fdata-sections "${@:2}" -c -o "$1/shop.o" source/shop.c
}

# target FLAG...: compiled with these flags; the old object too, unless $old_flags says other ones.
target() {
    cp shop.c source && compile release "$@" && compile old "${old_flags[@]:-$@}" &&
        "$compiler" -g -Wl,--build-id -o shop main.c release/shop.o
}

# patch FLAG...: the new object is compiled with these flags.
patch() {
    sed 's/value \* 7/value * 9/' shop.c >source/shop.c
    compile new "$@"
    rm -f patch.so
    hotfix build --target shop --old old --new new --leave-checks -o patch.so >/dev/null 2>&1 || diagnose <<<"the patch is not built"
}

# verdict ID: what that check says, and its first evidence as far as the blank behind COUNT words.
verdict() {
    hotfix check --target shop --patch "${file:-patch.so}" "${pick[@]}" --json 2>/dev/null |
        perl -MJSON::PP -0777 -e '
            my ($check) = grep { $_->{id} eq $ARGV[0] } @{decode_json(<STDIN>)->{checks}};
            my $settled = grep { $_->{evidence} =~ /settled by the old-object proof/ } @{$check->{findings}};
            print $check->{verdict}, $settled ? " settled" : "";' "$1"
}
evidence() {
    hotfix check --target shop --patch "${file:-patch.so}" "${pick[@]}" --json 2>/dev/null |
        perl -MJSON::PP -0777 -e '
            my ($check) = grep { $_->{id} eq $ARGV[0] } @{decode_json(<STDIN>)->{checks}};
            print $check->{findings}[-1]{evidence};' "$1"
}

for name in gcc clang; do
    command -v $name >/dev/null || continue
    compiler=$name record=() silent=(-gno-record-gcc-switches) old_flags=() pick=()
    [ $name = clang ] && record=(-grecord-command-line) silent=()

    target -O2 "${silent[@]}" && patch -O2 "${silent[@]}"
    is "$name: the patch says which functions were proved" "$(evidence proof)" \
        "the old object code of 1 of 1 functions is the target's, byte for byte"
    for check in abi-flags semantic-flags instruction-set optimisation; do
        is "$name: flags that nothing records are settled: $check" "$(verdict $check)" "compatible settled"
    done
    expect 0 "" "$name: and all is compatible" hotfix check --target shop --patch patch.so

    target -O2 "${silent[@]}" -DALONE && patch -O2 "${silent[@]}" -DALONE
    is "$name: an object of which nothing stayed the same settles nothing" "$(verdict optimisation)" unproven

    old_flags=(-O2 "${record[@]}")
    target -O2 "${record[@]}" -fwrapv && patch -O2 "${record[@]}"
    is "$name: flags that made no difference to the old code are settled" "$(verdict semantic-flags)" \
        "compatible settled"
    patch -O1 "${record[@]}"
    is "$name: a new object unlike the old one is refused all the same" "$(verdict optimisation)" incompatible

    old_flags=()
    target -O2 "${record[@]}" && patch -O2 "${record[@]}"
    is "$name: what is alike needs no settling" "$(verdict optimisation)" compatible
    objcopy --dump-section .hotfix.proof=proof patch.so
    target -O2 "${record[@]}" -fno-strict-aliasing && patch -O2 "${record[@]}" -fno-strict-aliasing
    cp patch.so other.so
    printf 'X' | dd of=proof bs=1 seek=12 conv=notrunc 2>/dev/null
    objcopy --update-section .hotfix.proof=proof other.so
    file=other.so
    is "$name: a proof about another build of the target is refused" "$(verdict proof)" incompatible
    head -c 20 proof >short
    objcopy --update-section .hotfix.proof=short other.so
    expect 5 "hotfix check: check proof: other.so: table of the proof: has no build-id of 1 to 64 bytes" \
        "$name: a damaged one is an error" hotfix check --target shop --patch other.so
    cp source/shop.c plain.c
    $name -g -O2 -fno-strict-aliasing "${record[@]}" -fPIC -shared -o plain.so plain.c
    file=plain.so pick=(--func fee)
    is "$name: without old objects the other checks decide" "$(verdict proof): $(evidence proof)" \
        "compatible: no old objects: the other checks decide; macros (-D) are unproven, unless recorded (gcc does not)"
    file=
done

finish
