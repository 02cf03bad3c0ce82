#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The CI job's script decides as hotfix check does, and leaves every report.
. "$(dirname "$0")/../story/lib.sh"
job=$ROOT/examples/ci/hotfix-check.sh
HOTFIX=$BUILD/hotfix
export HOTFIX

printf '%s\n' '__attribute__((noinline, used)) int fee(int value) { return value * 7 / 3 + 1; }' \
    'int (*volatile call)(int) = fee;' \
    'int main(int argc, char **argv) { (void)argv; return call(argc); }' >shop.c
printf '%s\n' '__attribute__((noinline, used)) int fee(int value) { return value * 9 / 3 + 1; }' >good.c
printf '%s\n' '__attribute__((noinline, used)) int fee(long value) { return (int)value * 9 / 3 + 1; }' >bad.c
record=
case $($CC --version) in *clang*) record=-grecord-command-line ;; esac
# shellcheck disable=SC2086
{
    $CC -O2 -g $record -Wl,--build-id -o shop shop.c && $CC -O2 -g $record -fPIC -shared -o good.so good.c &&
        $CC -O2 -g $record -fPIC -shared -o bad.so bad.c
} || exit 1

expect 2 "usage: hotfix-check.sh TARGET PATCH.so [OPTION of hotfix check]..." "it says what it needs" bash "$job" shop
expect 2 "hotfix-check.sh: there is no nowhere: install hotfix, or set HOTFIX" "hotfix must be there" \
    env HOTFIX=nowhere bash "$job" shop good.so
run env REPORTS=reports bash "$job" shop good.so --func fee
is "a fix that fits is hot" "$status $(tail -n 1 "$OUT")" "0 hot: the fix can go out as a bundle"
ok "with every report" test -s reports/hotfix.sarif -a -s reports/hotfix.junit.xml -a -s reports/hotfix.json
run env REPORTS=reports bash "$job" shop bad.so --func fee
is "one that does not is not" "$status $(tail -n 1 "$OUT")" "1 not hot: the fix does not fit the target, and needs a release"
is "the reports agree" "$(jq .status reports/hotfix.json) $(jq '.runs[0].invocations[0].exitCode' reports/hotfix.sarif) $(grep -c '<failure' reports/hotfix.junit.xml)" "1 1 1"
strip -g -o bare.so good.so
run bash "$job" shop bare.so --func fee
is "nor is what nothing proves" "$status $(tail -n 1 "$OUT")" \
    "3 not hot: nothing proves that the fix fits the target; add the proof, or a waiver"
run env GITHUB_ACTIONS=true bash "$job" shop bad.so --func fee
ok "in a GitHub workflow it annotates" grep -q '^::error ' "$OUT"
run bash "$job" shop none.so --func fee
is "what cannot be checked is undecided" "$status $(tail -n 1 "$OUT")" "5 undecided: the check could not be made (exit status 5)"

finish
