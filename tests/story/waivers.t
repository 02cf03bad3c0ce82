#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Waiver files: waivers that accept what nothing proves, only where, and only as long as they say; shown and sealed.
. "$(dirname "$0")/lib.sh"

cat >shop.c <<'SOURCE'
__attribute__((noinline, used)) int fee(int value)
{
    return value * 7 / 3 + 1;
}

/* No direct call: a compiler would fit it to what it knows of the function. */
int (*volatile called)(int value) = fee;
int main(int argc, char **argv)
{
    (void)argv;
    return called(argc);
}
SOURCE
sed 's/value \* 7/value * 9/; /No direct call/,$d' shop.c >good.c

# What that CPU has is not known here: unproven.
cpu=bonnell
[ "$(uname -m)" != aarch64 ] || cpu=armv8-r
record=''
case $($CC --version) in *clang*) record=-grecord-command-line ;; esac
# shellcheck disable=SC2086
{
    $CC -O2 -g $record -Wl,--build-id -o shop shop.c &&
        $CC -O2 -g $record "-march=$cpu" -fPIC -shared -o fix.so good.c &&
        $CC -O1 -g $record -fPIC -shared -o other.so good.c
} || exit 1
hotfix keygen release >/dev/null

# waiver_file NAME CHECK SCOPE EXPIRES: a file of one waiver; SCOPE "" is none.
waiver_file() {
    printf '[waiver.%s]\ncheck = %s\n%sreason = built by the same Makefile\nexpires = %s\n' "$1" "$2" \
        "${3:+scope = $3$'\n'}" "$4"
}
check() {
    hotfix check --target shop --patch fix.so --func fee "$@"
}
pack() {
    hotfix pack --target shop --patch fix.so --func fee --key release.key "$@"
}
# What standard error says of the waivers.
notes() {
    grep -v ': unproven: \|: incompatible: ' "$ERR"
}

run check
is "without a waiver file it is unproven" "$status $(sed -n '1s/:.*//p' "$OUT")" "3 unproven"

waiver_file one flag '' 2999-12-31 >p.ini
expect 5 "hotfix check: waivers: p.ini line 2: there is no check 'flag' ('hotfix check --list' lists them)" \
    "an unknown check is refused" check --waivers p.ini
waiver_file one machine '' 2999-12-31 >p.ini
expect 5 "hotfix pack: waivers: p.ini line 2: what check 'machine' finds may never be accepted" \
    "a check that nothing may accept is refused" pack -o out.hotfix --waivers p.ini
waiver_file one instruction-set '' 2999-13-31 >p.ini
expect 5 "hotfix check: waivers: p.ini line 4: expires '2999-13-31' is not a date like 2026-12-31 or a time like \
2026-12-31T12:00:00Z" "a day that does not exist is refused" check --waivers p.ini
waiver_file one instruction-set '' 2999-12-31 | grep -v expires >p.ini
expect 5 "hotfix check: waivers: p.ini line 1: section [waiver.one] lacks the key expires" \
    "a waiver without an end is refused" check --waivers p.ini
waiver_file one instruction-set '' 2999-12-31 | grep -v reason >p.ini
expect 5 "hotfix check: waivers: p.ini line 1: section [waiver.one] lacks the key reason" \
    "a waiver without a reason is refused" check --waivers p.ini
expect 5 "hotfix check: waivers: none.ini: cannot be opened: No such file or directory" "a file that is not there is refused" \
    check --waivers none.ini

waiver_file old instruction-set '' 2001-01-01 >p.ini
run check --waivers p.ini
is "an expired waiver accepts nothing" "$status $(notes)" \
    "3 hotfix check: p.ini line 1: waiver old is not applied: it expired at 2001-01-01T23:59:59Z"
run pack -o out.hotfix --waivers p.ini
is "nor does it for a bundle" "$status $(notes) $(find . -name out.hotfix)" \
    "3 hotfix pack: p.ini line 1: waiver old is not applied: it expired at 2001-01-01T23:59:59Z "

waiver_file others instruction-set 'tax*' 2999-12-31 >p.ini
run check --waivers p.ini
is "a waiver of other functions accepts nothing" "$status $(notes)" \
    "3 hotfix check: p.ini line 1: waiver others accepts nothing: no finding needs it"

waiver_file o1 optimisation '' 2999-12-31 >p.ini
run hotfix check --target shop --patch other.so --func fee --waivers p.ini
is "what is disproved is not accepted as unproven" "$status $(notes)" \
    "1 hotfix check: p.ini line 1: waiver o1 is not applied: what optimisation finds is incompatible, and only what is \
unproven may be accepted of it"

{ waiver_file makefile instruction-set 'f*' 2999-12-31 && echo && waiver_file unused inline '' 2999-12-31; } >p.ini
expect 0 "hotfix check: p.ini line 7: waiver unused accepts nothing: no finding needs it" \
    "a waiver that fits accepts, one that is not needed is told" check --waivers p.ini
ok "the first line says so" grep -q '^accepted: .*, 1 unproven; 1 accepted by waivers$' "$OUT"
ok "and the finding shows reason, functions and end" \
    grep -q '^    accepted: built by the same Makefile (functions f\*, until 2999-12-31T23:59:59Z)$' "$OUT"
run check --waivers p.ini --json
is "JSON tells the fate of each" "$status $(json .waiver_file.file) $(json .waiver_file.waivers.0.name) \
$(json .waiver_file.waivers.0.fate) $(json .waiver_file.waivers.1.fate)" "0 p.ini makefile applied unused"

waiver_file makefile instruction-set 'f*' 2999-12-31 >p.ini
expect 0 "hotfix pack: accepted although unproven: instruction-set (built by the same Makefile)" "a bundle can be made" \
    pack -o out.hotfix --waivers p.ini
run hotfix show out.hotfix
ok "which shows what was accepted" \
    grep -q ' accepted: built by the same Makefile (functions f\*, until 2999-12-31T23:59:59Z) ' <<<"$(tr -s ' \n' ' ' <"$OUT")"
run hotfix show out.hotfix --json
is "it is sealed" "$(json .waivers.0.check) $(json .waivers.0.scope) $(json .waivers.0.reason) \
$(json .waivers.0.expires)" "instruction-set f* built by the same Makefile 2999-12-31T23:59:59Z"
expect 0 "hotfix pack: accepted although unproven: instruction-set (asked the builder)
hotfix pack: p.ini line 1: waiver makefile accepts nothing: no finding needs it" \
    "an option goes before the waivers" pack -o out.hotfix --waivers p.ini --accept-instruction-set "asked the builder"
run hotfix show out.hotfix --json
is "and is sealed too" "$(json .waivers.0.scope) $(json .waivers.0.reason) $(json .waivers.0.expires)" \
    "null asked the builder null"
expect 2 "hotfix pack: the output p.ini is one of the inputs" "a waiver file is not written over" \
    pack -o p.ini --waivers p.ini

finish
