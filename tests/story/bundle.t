#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `hotfix build --bundle`: from objects to a signed bundle in one command, the same that `hotfix pack` makes of the patch.

# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=tests/story/single.sh
. "$STORY/single.sh"

export SOURCE_DATE_EPOCH=1700000000
see="(see 'hotfix build --help')"

# build OPTION...
build() {
    hotfix build --target target --old old.o --new new.o "$@"
}

cat >program.c <<'C'
volatile int seen;
int probe(int round)
{
#ifdef FIXED
    seen = 5 * round + 1;
#else
    seen = 3 * round;
#endif
    return seen;
}
C
compile "$CC" -O2

expect 2 "hotfix build: --output or --bundle is missing $see" "one of both has to be written" build
expect 2 "hotfix build: options of the bundle need --bundle $see" "a key alone is of no use" build -o patch.so --key key.key
expect 2 "hotfix build: give --key KEY, or --unsigned where others sign $see" "a bundle needs a key" build --bundle fix.hotfix
expect 2 "hotfix build: --leave-checks makes no bundle: leave out --bundle" "no bundle is without checks" \
    build --bundle fix.hotfix --key key.key --leave-checks
cp target target.hotfix
expect 2 "hotfix build: the output target.hotfix is one of the inputs" "no input is written over" \
    hotfix build --target target.hotfix --old old.o --new new.o --bundle target.hotfix --unsigned

expect 2 "hotfix build: the bundle and the patch have one name: ./fix.so" "two files have two names" \
    build -o ./fix.so --bundle fix.so --unsigned

echo correct horse >phrase && chmod 600 phrase
echo wrong horse >wrong && chmod 600 wrong
hotfix keygen locked --passphrase-file phrase >/dev/null
# Before anything is built: there is no make to be run here, and no directory of sources.
expect 4 "hotfix build: locked.key: private key is encrypted and the passphrase is wrong or missing" "a wrong passphrase is told before the build" \
    hotfix build --target target --source nowhere --patch no.patch --make true --bundle fix.hotfix --key locked.key \
    --passphrase-file wrong
ok "none of them writes anything" test ! -e fix.hotfix -a ! -e fix.so

expect 0 "" "a bundle in one command" build --bundle fix.hotfix --key key.key --version 1 --advisory CVE-2026-1 --sequence 7
ok "its patch is beside it" test -s fix.so
expect 0 "" "hotfix pack makes one of the patch" hotfix pack --target target --patch fix.so --key key.key --version 1 \
    --advisory CVE-2026-1 --sequence 7 -o packed.hotfix
ok "both are one" cmp fix.hotfix packed.hotfix
expect 0 "" "it verifies" hotfix verify fix.hotfix --trust trust --target target
run ./target fix.hotfix trust
is "the program takes it" "$(cat "$OUT")" "$(printf 'old 0 3\nnew 1 6\nold 0 3')"

run build --bundle other.hotfix -o elsewhere.so --unsigned --json
is "both names can be given" "$status $(json .output) $(json .file)" "0 elsewhere.so other.hotfix"
is "the report has the findings of each check, as pack's" "$(jq '[.checks[] | has("title") and has("findings")] | all' "$OUT")" true
ok "and are taken" test -s elsewhere.so -a -s other.hotfix -a ! -e other.so

expect 5 "hotfix build: nowhere/fix.hotfix: cannot be written: No such file or directory" "a bundle that cannot be written" \
    build -o kept.so --bundle nowhere/fix.hotfix --unsigned
ok "leaves no patch behind" test ! -e kept.so
hotfix keygen stranger >/dev/null
echo before >kept.so
run build --bundle fix.hotfix -o kept.so --key stranger.key
is "another key's bundle is not written over" "$status $(grep -c 'give another name with --output' "$ERR")" "5 1"
is "and the patch that was there stays" "$(cat kept.so)" before
finish
