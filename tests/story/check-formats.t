#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What hotfix check reports in the formats that CI systems read, for what fits, what does not, what was accepted and what
# could not be checked at all; with names that each format must escape.
. "$(dirname "$0")/lib.sh"

mkdir -p 'a&b <c>,"d"'
cat >shop.c <<'SOURCE'
#define ODD "a&b <c>,\"d\"/shop.c"
#line 7 ODD
__attribute__((noinline, used)) int fee(int value)
{
    return value * 7 / 3 + 1;
}
__attribute__((noinline, used)) int tax(int value)
{
    return value * 19 / 100;
}
extern int rate(int value);
inline __attribute__((always_inline)) int rate(int value)
{
    return value * 3 / 7 + 7;
}
int main(int argc, char **argv)
{
    int (*volatile called[])(int value) = {fee, tax}; /* a compiler fits no direct call to what it knows of them */
    (void)argv;
    return called[0](argc) + called[1](argc) + rate(argc);
}
SOURCE
sed -i 's/#line 7 ODD/#line 7 "a\&b <c>,\\"d\\"\/shop.c"/; /define/d' shop.c
sed 's/value \* 7/value * 9/; /int main/,$d' shop.c >good.c
sed 's/int fee(int value)/int fee(long value)/; s/return value \* 7/return (int)value * 8/' good.c >bad.c

record=
case $($CC --version) in *clang*) record=-grecord-command-line ;; esac
# shellcheck disable=SC2086
{
    $CC -O2 -g $record -Wl,--build-id -o shop shop.c &&
        $CC -O2 -g $record -fPIC -shared -o good.so good.c &&
        $CC -O2 -g $record -fPIC -shared -o bad.so bad.c
} || exit 1
cat >waivers.ini <<'INI'
[waiver.inlined]
check = inline
reason = <main> "starts" & ends: once
expires = 2999-01-01T00:00:00Z
INI

# check FORMAT PATCH OPTION...
check() {
    hotfix check --target shop --patch "$2" --func fee --func tax --format "$1" "${@:3}"
}
# The target has a copy of rate() in main().
accepted() {
    hotfix check --target shop --patch good.so --func rate --waivers waivers.ini --format "$1"
}
# holds CLAIM JQ-EXPRESSION...: of the last output.
holds() {
    if [ "$(jq -r "$2" "$OUT")" = true ]; then
        result 0 "$1"
    else
        result 1 "$1"
        diagnose <"$OUT"
    fi
}

expect 2 "hotfix check: --json and --format sarif are two formats: give one" "two formats are one too many" \
    check sarif good.so --json

# JSON, by the schema that is published.
valid_json() {
    python3 -c 'import json, sys, jsonschema
jsonschema.Draft202012Validator(json.load(open(sys.argv[1]))).validate(json.load(open(sys.argv[2])))' \
        "$ROOT/docs/schema/check.schema.json" "$OUT"
}
for case in "good.so 0" "bad.so 1" "none.so 5"; do
    run check json "${case% *}"
    is "${case% *}: JSON has the status" "$status $(json .status)" "${case#* } ${case#* }"
    ok "${case% *}: and is as its schema says" valid_json
done
run accepted json
ok "so is JSON with a waiver" valid_json
run hotfix check --list --format json
ok "and a list" valid_json
sed -i 's/"verdict": "[a-z]*"/"verdict": "perhaps"/' "$OUT"
run check json good.so
sed -i 's/"compatible"/"perhaps"/' "$OUT"
ok "the schema refuses what it does not know" eval '! valid_json 2>/dev/null'

# SARIF 2.1.0.
sarif() {
    holds "$1: SARIF 2.1.0" '.version == "2.1.0" and (.runs | length) == 1 and .runs[0].tool.driver.name == "hotfix check"'
    # shellcheck disable=SC2016 # jq's variables
    holds "$1: every result has a rule, a message, a location and a fingerprint" '[.runs[0] | .tool.driver.rules as $rules |
        .results[] | .ruleId == $rules[.ruleIndex].id and (.message.text | length) > 0 and (.locations | length) == 1 and
        (.partialFingerprints["hotfixCheck/v1"] | length) == 64] | all'
    holds "$1: levels are those of the standard" \
        '[.runs[0].results[] | .level == "error" or .level == "warning" or (.level == "none" and .kind != "fail")] | all'
    holds "$1: rules have what services show" \
        '[.runs[0].tool.driver.rules[] | (.id | length) > 0 and (.shortDescription.text | length) > 0] | all'
}
run check sarif good.so
is "a patch that fits passes" "$status" 0
sarif "what fits"
holds "it has no error" '[.runs[0].results[].level] | contains(["error"]) | not'
holds "the run succeeded" '.runs[0].invocations[0] | .executionSuccessful and .exitCode == 0'
run check sarif bad.so
is "another prototype does not" "$status" 1
sarif "what does not fit"
holds "the finding is at the new function" '[.runs[0].results[] | select(.ruleId == "prototype") |
    .level == "error" and .locations[0].physicalLocation.region.startLine == 7 and
    (.locations[0].physicalLocation.artifactLocation.uri | test("a%26b%20%3Cc%3E%2C%22d%22/shop.c$")) and
    (.relatedLocations | length) == 1] | length == 1 and all'
cp "$OUT" before.sarif
sed -i '1i /* a line more */' bad.c
sed -i 's/#line 7/#line 70/' bad.c
# shellcheck disable=SC2086
$CC -O2 -g $record -fPIC -shared -o bad.so bad.c
run check sarif bad.so
is "fingerprints stay when lines move" "$(jq '[.runs[0].results[].partialFingerprints]' "$OUT")" \
    "$(jq '[.runs[0].results[].partialFingerprints]' before.sarif)"
run accepted sarif
is "what is accepted passes" "$status" 0
holds "and is a suppressed result with the reason" '[.runs[0].results[] | select(.ruleId == "inline") |
    .suppressions[0].status == "accepted" and (.suppressions[0].justification | startswith("<main> \"starts\" & ends"))] |
    length > 0 and all'
run check sarif none.so
is "what cannot be read keeps its status" "$status" 5
holds "and is told as a failed run" '.runs[0].invocations[0] | .executionSuccessful == false and .exitCode == 5 and
    (.toolExecutionNotifications[0].message.text | startswith("patch: none.so"))'

# JUnit.
xml() {
    xmllint --xpath "$1" "$OUT" 2>/dev/null
}
run check junit good.so
is "JUnit: what fits has no failure" "$status $(xml 'string(//testsuite/@failures)')" "0 0"
is "and a case for each check" "$(xml 'count(//testcase)')" "$(hotfix check --list | grep -vc '(with --pid)')"
is "which the suite counts" "$(xml 'string(//testsuite/@tests)')" "$(xml 'count(//testcase)')"
run check junit bad.so
is "JUnit: what does not is a failure of its check" \
    "$status $(xml 'count(//testcase[starts-with(@name, "prototype:")]/failure[@type="incompatible"])')" "1 1"
ok "with the evidence" grep -q 'fee' <<<"$(xml 'string(//testcase[starts-with(@name, "prototype:")]/failure/@message)')"
run accepted junit
is "JUnit: what is accepted is skipped, with the reason" \
    "$status $(xml 'string(//testcase[starts-with(@name, "inline:")]/skipped/@message)' | cut -c 1-40)" \
    '0 accepted: <main> "starts" & ends: once'
run check junit none.so
is "JUnit: what cannot be read is an error" "$status $(xml 'count(//error)') $(xml 'string(//testsuite/@errors)')" "5 1 1"

# GitHub.
export GITHUB_WORKSPACE=$PWD
run check github good.so
is "github: what fits annotates no error" "$status $(grep -c '^::error' "$OUT")" "0 0"
run check github bad.so
is "github: what does not does, at file and line" "$status $(grep -c '^::error file=a&b <c>%2C"d"/shop.c,line=70,title=hotfix check%3A prototype is incompatible::fee' "$OUT")" "1 1"
ok "the answer comes first" grep -q '^incompatible: ' <(head -n 1 "$OUT")
is "and nothing else begins a command" "$(grep '::' "$OUT" | grep -vc '^::\(error\|notice\) ')" 0
run accepted github
ok "github: what is accepted is a notice with the reason" \
    grep -q '^::notice .*inline.*%0Aaccepted: <main> "starts" & ends' "$OUT"
run check github none.so
is "github: what cannot be read is an error" "$status $(grep -c '^::error title=hotfix check::patch: none.so' "$OUT")" "5 1"

# Names of functions are foreign bytes.
cat >odd.c <<'SOURCE'
int odd(int value) __asm__("o<d>&\"\n%\xff\x1b");
__attribute__((noinline, used)) int odd(int value)
{
    return value * 7 / 3 + 1;
}
SOURCE
# shellcheck disable=SC2086
if $CC -O2 -g $record -fPIC -shared -o odd.so odd.c 2>/dev/null; then
    for format in sarif junit github json; do
        run hotfix check --target odd.so --patch good.so --package "$PWD" --format "$format"
        ok "odd names break no $format" iconv -f UTF-8 -t UTF-8 -o /dev/null "$OUT"
    done
fi

# A name that a CI runner would take for a command, and that turns the text around. No assembler takes it.
cat >command.c <<'SOURCE'
__attribute__((noinline, used)) int aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa(TYPE value)
{
    return (int)value * FACTOR / 3 + 1;
}
SOURCE
name() {
    perl -0777 -pi -e '$n = "::error::forged\n::error::forged##[error]\xe2\x80\xae\xe2\x80\x8b";
        s/a{57}/$n . "z" x (57 - length $n)/ge' "$1"
}
# shellcheck disable=SC2086
if $CC -O2 -g $record -DTYPE=int -DFACTOR=7 -fPIC -shared -Wl,--build-id -o command.so command.c && name command.so &&
    $CC -O2 -g $record -DTYPE=long -DFACTOR=9 -fPIC -shared -o commanded.so command.c && name commanded.so; then
    for format in text sarif junit github json; do
        run hotfix check --target command.so --patch commanded.so --package command.c --format "$format"
        ok "a name that is a command is reported as $format" grep -q 'forged' "$OUT"
        is "no line of $format is a command by it" \
            "$(grep -c '^[[:space:]]*::error::forged\|##\[error\]' "$OUT" "$ERR" | tr -d '\n')" "$OUT:0$ERR:0"
        is "nor has $format what no reader sees" "$(grep -cP '\xe2\x80[\xae\x8b]' "$OUT" "$ERR" | tr -d '\n')" "$OUT:0$ERR:0"
    done
    run hotfix check --target command.so --patch commanded.so --package command.c --format junit
    ok "JUnit with such a name is XML" xmllint --noout "$OUT"
fi

finish
