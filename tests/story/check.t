#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Checking without packing: the first line answers, the exit status agrees, and JSON says the same.
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
sed 's/int fee(int value)/int fee(long value)/; s/return value/return (int)value/' good.c >bad.c

record=
case $($CC --version) in *clang*) record=-grecord-command-line ;; esac
# shellcheck disable=SC2086
{
    $CC -O2 -g $record -Wl,--build-id -o shop shop.c &&
        $CC -O2 -g $record -fPIC -shared -o good.so good.c &&
        $CC -O2 -g $record -fPIC -shared -o bad.so bad.c &&
        $CC -O1 -g $record -fPIC -shared -o flags.so good.c
} || exit 1

# check PATCH OPTION...
check() {
    hotfix check --target shop --patch "$1" --func fee "${@:2}"
}
first() {
    sed -n '1s/ of.*//p' "$OUT"
}

expect 0 "" "the checks can be listed" hotfix check --list
count=$(grep -vc "(with --pid)" "$OUT")
ok "one a line" test "$count" -gt 5
is "in the order of their ids in a report" "$(awk '{print $1}' "$OUT" | head -2 | xargs)" "machine build-id"

is "docs/checks.md has a section for each, and for nothing else" \
    "$(sed -n 's/^### //p' "$ROOT/docs/checks.md" | sort)" "$(awk '{ print $1 }' "$OUT" | sort)"

expect 0 "" "a patch that fits is compatible" check good.so
is "which the first line says" "$(first)" "compatible: $count checks"
is "and each check has a line" "$(grep -c '^compatible   ' "$OUT")" "$count"

run check bad.so
is "another prototype is incompatible" "$status $(first)" "1 incompatible: $count checks"
ok "which names the check" grep -q '^incompatible prototype ' "$OUT"
ok "and the function" grep -q '^    fee' "$OUT"

run check flags.so
is "other optimisation is incompatible" "$status $(first)" "1 incompatible: $count checks"
ok "by the check of that class of flags" grep -q '^incompatible optimisation ' "$OUT"

run check bad.so --format json
is "JSON says the same" "$status $(json .schema) $(json .ok) $(json .status) $(json .error.code) $(json .functions)" \
    "1 hotfix.check/1 false 1 incompatible 1"
is "and has the checks" "$(json .checks.0.id) $(json .checks.0.verdict)" "machine compatible"
run check good.so --json
is "--json is the same form" "$status $(json .schema) $(json .ok)" "0 hotfix.check/1 true"

expect 2 "hotfix check: unknown format 'yaml': text, json, sarif, junit or github" "an unknown format is refused" check good.so --format yaml
expect 2 "hotfix check: option '--target' is missing (see 'hotfix check --help')" "a target is needed" \
    hotfix check --patch good.so --func fee

finish
