#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Policy files: exceptions that accept what nothing proves, only where, and only as long as they say; shown and sealed.
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

# policy NAME CHECK SCOPE EXPIRES: a file of one exception; SCOPE "" is none.
policy() {
    printf '[exception.%s]\ncheck = %s\n%sreason = built by the same Makefile\nexpires = %s\n' "$1" "$2" \
        "${3:+scope = $3$'\n'}" "$4"
}
check() {
    hotfix check --target shop --patch fix.so --func fee "$@"
}
pack() {
    hotfix pack --target shop --patch fix.so --func fee --key release.key "$@"
}
# What standard error says of the policy.
notes() {
    grep -v ': unproven: \|: incompatible: ' "$ERR"
}

run check
is "without a policy it is unproven" "$status $(sed -n '1s/:.*//p' "$OUT")" "3 unproven"

policy one flag '' 2999-12-31 >p.ini
expect 5 "hotfix check: policy: p.ini line 2: there is no check 'flag' ('hotfix check --list' lists them)" \
    "an unknown check is refused" check --policy p.ini
policy one machine '' 2999-12-31 >p.ini
expect 5 "hotfix pack: policy: p.ini line 2: what check 'machine' finds may never be accepted" \
    "a check that nothing may accept is refused" pack -o out.hotfix --policy p.ini
policy one instruction-set '' 2999-13-31 >p.ini
expect 5 "hotfix check: policy: p.ini line 4: expires '2999-13-31' is not a date like 2026-12-31 or a time like \
2026-12-31T12:00:00Z" "a day that does not exist is refused" check --policy p.ini
policy one instruction-set '' 2999-12-31 | grep -v expires >p.ini
expect 5 "hotfix check: policy: p.ini line 1: section [exception.one] lacks the key expires" \
    "an exception without an end is refused" check --policy p.ini
policy one instruction-set '' 2999-12-31 | grep -v reason >p.ini
expect 5 "hotfix check: policy: p.ini line 1: section [exception.one] lacks the key reason" \
    "an exception without a reason is refused" check --policy p.ini
expect 5 "hotfix check: policy: none.ini: cannot be opened: No such file or directory" "a file that is not there is refused" \
    check --policy none.ini

policy old instruction-set '' 2001-01-01 >p.ini
run check --policy p.ini
is "an expired exception accepts nothing" "$status $(notes)" \
    "3 hotfix check: p.ini line 1: exception old is not applied: it expired at 2001-01-01T23:59:59Z"
run pack -o out.hotfix --policy p.ini
is "nor does it for a bundle" "$status $(notes) $(find . -name out.hotfix)" \
    "3 hotfix pack: p.ini line 1: exception old is not applied: it expired at 2001-01-01T23:59:59Z "

policy others instruction-set 'tax*' 2999-12-31 >p.ini
run check --policy p.ini
is "an exception of other functions accepts nothing" "$status $(notes)" \
    "3 hotfix check: p.ini line 1: exception others accepts nothing: no finding needs it"

policy o1 optimisation '' 2999-12-31 >p.ini
run hotfix check --target shop --patch other.so --func fee --policy p.ini
is "what is disproved is not accepted as unproven" "$status $(notes)" \
    "1 hotfix check: p.ini line 1: exception o1 is not applied: what optimisation finds is incompatible, and only what is \
unproven may be accepted of it"

{ policy makefile instruction-set 'f*' 2999-12-31 && echo && policy unused inline '' 2999-12-31; } >p.ini
expect 0 "hotfix check: p.ini line 7: exception unused accepts nothing: no finding needs it" \
    "an exception that fits accepts, one that is not needed is told" check --policy p.ini
ok "the first line says so" grep -q '^accepted: .*, 1 unproven; 1 accepted by exceptions$' "$OUT"
ok "and the finding shows reason, functions and end" \
    grep -q '^    accepted: built by the same Makefile (functions f\*, until 2999-12-31T23:59:59Z)$' "$OUT"
run check --policy p.ini --json
is "JSON tells the fate of each" "$status $(json .policy.file) $(json .policy.exceptions.0.name) \
$(json .policy.exceptions.0.fate) $(json .policy.exceptions.1.fate)" "0 p.ini makefile applied unused"

policy makefile instruction-set 'f*' 2999-12-31 >p.ini
expect 0 "hotfix pack: accepted although unproven: instruction-set (built by the same Makefile)" "a bundle can be made" \
    pack -o out.hotfix --policy p.ini
run hotfix show out.hotfix
ok "which shows what was accepted" \
    grep -q ' accepted: built by the same Makefile (functions f\*, until 2999-12-31T23:59:59Z) ' <<<"$(tr -s ' \n' ' ' <"$OUT")"
run hotfix show out.hotfix --json
is "it is sealed" "$(json .exceptions.0.check) $(json .exceptions.0.scope) $(json .exceptions.0.reason) \
$(json .exceptions.0.expires)" "instruction-set f* built by the same Makefile 2999-12-31T23:59:59Z"
expect 0 "hotfix pack: accepted although unproven: instruction-set (asked the builder)
hotfix pack: p.ini line 1: exception makefile accepts nothing: no finding needs it" \
    "an option goes before the policy" pack -o out.hotfix --policy p.ini --accept-instruction-set "asked the builder"
run hotfix show out.hotfix --json
is "and is sealed too" "$(json .exceptions.0.scope) $(json .exceptions.0.reason) $(json .exceptions.0.expires)" \
    "null asked the builder null"
expect 2 "hotfix pack: the output p.ini is one of the inputs" "a policy is not written over" \
    pack -o p.ini --policy p.ini

finish
