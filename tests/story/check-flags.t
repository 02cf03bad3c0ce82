#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How target and patch were compiled: for each check a pair that it refuses and a near miss that it accepts.
. "$(dirname "$0")/lib.sh"

cat >shop.c <<'SOURCE'
int tax(int value);
void fill(char *text, int size);

__attribute__((noinline)) int fee(int value)
{
    char text[32];
    fill(text, value & 31);
    return value * 7 / 3 + text[0];
}

__attribute__((noinline)) void fill(char *text, int size)
{
    for (int i = 0; i <= size; i++)
        ((volatile char *)text)[i] = (char)i;
}

int main(int argc, char **argv)
{
    (void)argv;
    return fee(argc) + tax(argc);
}
SOURCE
cat >tax.c <<'SOURCE'
__attribute__((noinline)) int tax(int value)
{
    return value * 19 / 100 + 1;
}
SOURCE
mkdir fixed
cat >fixed/shop.c <<'SOURCE'
static void fill(char *text, int size)
{
    for (int i = 0; i <= size; i++)
        ((volatile char *)text)[i] = (char)i;
}

int fee(int value);
int fee(int value)
{
    char text[32];
    fill(text, value & 31);
    return value * 9 / 3 + text[0];
}
SOURCE
sed 's/ + 1/ + 2/' tax.c >fixed/tax.c

# target FLAG...: the flags of shop.c; those of tax.c are $tax.
target() {
    "$compiler" -g "$@" -c -o shop.o shop.c && "$compiler" -g "${tax[@]}" -c -o tax.o tax.c &&
        "$compiler" -Wl,--build-id -o shop shop.o tax.o
}

# patch FLAG...: a patch of fee(); patch_of tax FLAG... one of tax().
patch() {
    patch_of shop "$@"
}
patch_of() {
    rm -f fix.so
    "$compiler" -g "${@:2}" -fPIC -shared -o fix.so "fixed/$1.c"
}

# verdict ID: what that check says, of the function that is picked.
verdict() {
    hotfix check --target shop --patch fix.so --func "${function:-fee}" --json 2>/dev/null |
        perl -MJSON::PP -0777 -e '
            my ($check) = grep { $_->{id} eq $ARGV[0] } @{decode_json(<STDIN>)->{checks}};
            print $check->{verdict}, $ARGV[1] ? "; " . $check->{findings}[0]{$ARGV[1]} : "";' "$@"
}

refuses() {
    is "$name: $1 refuses $2" "$(verdict "$1")" incompatible
}
accepts() {
    is "$name: $1 accepts $2" "$(verdict "$1")" compatible
}

each_class_of_flags_has_its_check() {
    target -O2 "${record[@]}"
    patch -O2 "${record[@]}" -fshort-enums
    refuses abi-flags "enumerations of another size"
    accepts semantic-flags "what is no flag of its own"
    patch -O2 "${record[@]}" -fshort-enums -fno-short-enums
    accepts abi-flags "a flag that a later one takes back"
    patch -O2 "${record[@]}" -funsigned-char
    refuses abi-flags "characters of another sign"
    patch -O2 "${record[@]}" -fwrapv
    refuses semantic-flags "overflow that wraps"
    patch -O2 "${record[@]}" -fwrapv -fno-wrapv
    accepts semantic-flags "overflow that does not, after all"
    patch -O2 "${record[@]}" -std=c99
    refuses semantic-flags "another language"
    patch -O1 "${record[@]}"
    refuses optimisation "less optimisation"
    is "$name: and the advice is the command that makes it like the target" "$(verdict optimisation advice | sed 's/ --sysroot=[^ ]* --target=[^ ]*//')" \
        "incompatible; rebuild the patch with '$rebuild'"
    patch -O0 -O1 -O2 "${record[@]}" -g3 -Wall -ffunction-sections "-mtune=$tune"
    accepts optimisation "the last one given"
    patch -O2 "${record[@]}" -fno-inline
    refuses optimisation "other inlining"
    accepts abi-flags "that"

    target -O2 "${record[@]}" -ffast-math -fmath-errno
    patch -O2 "${record[@]}" -fmath-errno -ffast-math
    refuses semantic-flags "flags in an order that means something else"
    patch -O2 "${record[@]}" -ffast-math -fmath-errno
    accepts semantic-flags "the same order"
}

instructions_are_compared() {
    target -O2 "${record[@]}" "${middle[@]}"
    patch -O2 "${record[@]}" "${larger[@]}"
    refuses instruction-set "a larger instruction set"
    patch -O2 "${record[@]}" "${more[@]}"
    refuses instruction-set "one instruction set more"
    patch -O2 "${record[@]}" "${smaller[@]}" "-mtune=$tune"
    accepts instruction-set "a smaller one, tuned for another CPU"
    patch -O2 "${record[@]}" "${larger[@]}" "${less[@]}"
    accepts instruction-set "a larger one of which enough is taken away"
    patch -O2 "${record[@]}"
    accepts instruction-set "what every CPU has"
    target -O2 "${record[@]}"
    patch -O2 "${record[@]}" "${middle[@]}"
    refuses instruction-set "more than every CPU has"
    # gcc for arm64 records no more of the CPU that it runs on than this name.
    [ "$name $cpu" = "gcc x86_64" ] || return 0
    target -O2 -march=native
    patch -O2 -march=x86-64
    accepts instruction-set "any within that of this machine"
    patch -O2 -march=native
    accepts instruction-set "that of this machine"
}

protection_is_compared() {
    target -O2 "${record[@]}" -fstack-protector-strong
    patch -O2 "${record[@]}"
    refuses hardening "a patch without stack protector"
    patch -O2 "${record[@]}" -fstack-protector-all
    accepts hardening "more of it"
    accepts optimisation "that"
    target -O2 "${record[@]}" "$protection=$full"
    patch -O2 "${record[@]}" "$protection=$half"
    refuses hardening "half of control flow protection"
    patch -O2 "${record[@]}" "$protection=$full"
    accepts hardening "all of it"

    target -O2 "${silent[@]}" "$protection=$full"
    patch -O2 "${silent[@]}" "$protection=none"
    refuses hardening "code without landing pad where flags are not recorded"
    is "$name: and they are unproven" "$(verdict optimisation)" unproven
    patch -O2 "${silent[@]}" "$protection=$full"
    accepts hardening "code with one"
    # Code for arm64 alone does not tell.
    [ "$cpu" = x86_64 ] || return 0
    target -O2 "${silent[@]}" -fstack-protector-all
    patch -O2 "${silent[@]}" -fno-stack-protector
    refuses hardening "code that checks no canary"
    patch -O2 "${silent[@]}" -fstack-protector-strong
    accepts hardening "code that does"
}

position_independence_is_told() {
    target -O2 "${record[@]}" -fPIE
    patch -O2 "${record[@]}"
    is "$name: pic is for information" "$(verdict pic evidence)" "compatible; fee (shop.c): target: -fPIE; patch: -fPIC"
}

# What neither DWARF nor a record of switches tells is unproven.
switches_are_read() {
    target -O2 "${silent[@]}"
    patch -O2 "${silent[@]}"
    is "$name: without a record flags are unproven" "$(verdict abi-flags) $(verdict semantic-flags)" "unproven unproven"
    is "$name: and the advice names the flag that records them" "$(verdict abi-flags advice)" \
        "unproven; compile target and patch with $recorder"
    tax=("${tax[@]}" "${switches[@]}")
    target -O2 "${silent[@]}" "${switches[@]}"
    patch -O2 "${silent[@]}" "${switches[@]}"
    accepts optimisation "what .GCC.command.line says is the same"
    patch -O1 "${silent[@]}" "${switches[@]}"
    refuses optimisation "what it says differs"
    tax=(-O1 "${silent[@]}" "${switches[@]}")
    target -O2 "${silent[@]}" "${switches[@]}"
    patch -O2 "${silent[@]}" "${switches[@]}"
    if [ "$name" = gcc ]; then
        is "$name: it proves nothing where two command lines may be meant" "$(verdict optimisation)" unproven
    else
        accepts optimisation "the command line that names the unit, among others"
    fi
}

builds_of_a_compiler_are_compared() {
    target -O2
    patch -O2
    accepts compiler "the same build"
    printf 'GCC: (Elsewhere 12.2.0-99) %s\0' "$(gcc -dumpfullversion)" >comment
    objcopy --update-section .comment=comment fix.so
    refuses compiler "another distribution's build of the same version"
    printf '%s\0' "$(readelf -p .comment shop | sed -n 's/^ *\[ *[0-9a-f]*\]  //p')" >>comment
    objcopy --update-section .comment=comment fix.so
    accepts compiler "a build beside which another had a part in the file"
}

only_the_units_of_picked_functions_count() {
    local function
    tax=(-O2 "${record[@]}" -fwrapv)
    target -O2 "${record[@]}"
    patch -O2 "${record[@]}"
    accepts semantic-flags "a patch like its own unit, unlike another"
    patch_of tax -O2 "${record[@]}"
    function=tax
    refuses semantic-flags "a patch like another unit, unlike its own"
    patch_of tax -O2 "${record[@]}" -fwrapv
    accepts semantic-flags "a patch like that unit"
}

cpu=$(uname -m)
if [ "$cpu" = x86_64 ]; then
    middle=(-march=x86-64-v2) larger=(-march=x86-64-v3) more=(-march=x86-64-v2 -mavx) smaller=(-march=x86-64 -msse3)
    less=(-mno-avx -mno-bmi -mno-bmi2 -mno-lzcnt -mno-movbe -mno-xsave -mno-f16c) tune=haswell
    protection=-fcf-protection full=full half=branch default=(-march=x86-64)
else
    middle=(-march=armv8.2-a) larger=(-march=armv8.4-a) more=(-march=armv8.2-a+sve) smaller=(-march=armv8-a+crc+lse)
    less=(-march=armv8.1-a+simd+nosve) tune=cortex-a72
    protection=-mbranch-protection full=standard half=bti default=(-mabi=lp64 -mlittle-endian)
fi
for name in gcc clang; do
    command -v $name >/dev/null || continue
    compiler=$name record=() silent=(-gno-record-gcc-switches) switches=(-frecord-gcc-switches)
    recorder=-grecord-gcc-switches rebuild="gcc -O2 -fasynchronous-unwind-tables ${default[*]} -std=gnu17 -g -fPIC -shared"
    if [ $name = clang ]; then
        record=(-grecord-command-line) silent=() switches=(-frecord-command-line) recorder=-grecord-command-line
        rebuild='clang -O2 -g -fPIC -shared -grecord-command-line'
    fi
    tax=(-O2 "${record[@]}")
    each_class_of_flags_has_its_check
    instructions_are_compared
    protection_is_compared
    position_independence_is_told
    only_the_units_of_picked_functions_count
    tax=(-O2 "${silent[@]}")
    switches_are_read
    [ $name = gcc ] && builds_of_a_compiler_are_compared
done

finish
