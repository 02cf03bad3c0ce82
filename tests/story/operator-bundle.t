#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What hotfixctl says on a host without the packager: of a bundle, and of the host.
. "$(dirname "$0")/lib.sh"
. "$STORY/operator.sh"

# shellcheck disable=SC2086 # words
{
    $CC $release -o cage "$SOURCES/shop.c" "$SOURCES/cage.c" && $CC -O2 -g $record -fPIC -shared -o fix.so fixed.c || exit 1
}
pack --target cage --key release.key -o fee.hotfix --advisory CVE-2026-1 --description "takes more"
pack --target cage --key stranger.key -o strange.hotfix
key=$(openssl pkey -pubin -in stranger.pub -outform DER | tail -c 32 | sha256sum | cut -c 1-32)
build=$(readelf -nW cage | sed -n 's/.*Build ID: //p')

run hotfixctl verify fee.hotfix --trust trust
id=$(sed -n 's/^bundle fee 1, id //p' "$OUT")
is "a bundle that is believed" "$status $(head -n 3 "$OUT" | xargs)" \
    "0 verified: signed by release bundle fee 1, id $id for cage with build-id $build, on x86_64"
is "says what it fixes and replaces" \
    "$(grep -c 'fixes CVE-2026-1' "$OUT") $(grep -c '  takes more' "$OUT") $(grep -c '  replaces fee' "$OUT")" \
    "1 1 1"
run hotfixctl verify fee.hotfix --trust trust --json
is "as JSON" "$status $(json ok) $(json bundles.0.verified) $(json bundles.0.signers) $(json bundles.0.build_id) $(json bundles.0.functions)" \
    "0 true true release $build fee"
expect 4 "hotfixctl verify: bundle strange.hotfix: signed only by keys that are not in the trust store (key id $key)" \
    "a stranger's is not" hotfixctl verify strange.hotfix --trust trust
is "nor is anything of it shown" "$(cat "$OUT")" ""
run hotfixctl show strange.hotfix
is "but by show, which says that it trusts nothing, first and last" \
    "$status $(head -n 1 "$OUT") $(tail -n 1 "$OUT") $(grep -c "signed, it says, by key $key" "$OUT")" \
    "0 NOT VERIFIED: show trusts nothing; use 'hotfixctl verify' NOT VERIFIED: show trusts nothing; use 'hotfixctl verify' 1"
run hotfixctl show strange.hotfix --json
is "in JSON, too" "$status $(json bundles.0.verified) $(json bundles.0.key_ids)" "0 false $key"
expect 2 "hotfixctl show: 'hotfixctl show' has no option --trust" "so it takes no trust store" hotfixctl show fee.hotfix --trust trust
head -c 3000 fee.hotfix >cut.hotfix
run hotfixctl show cut.hotfix
is "half a bundle is none" "$status" 5

# about NAME: what the doctor found of it, without "ok" or "!!".
about() {
    sed -n "s/^\(ok\|!!\) $1: //p" "$OUT"
}
run hotfixctl doctor --trust trust
is "the doctor finds the trust store" "$(about trust)" "trust can be used: 1 keys or authorities, of which 1 must agree"
is "and what the kernel can" "$(about memfd)" "code can be mapped from a memfd, which the library comes in"
run hotfixctl doctor --trust nowhere
is "a missing store is in the way, and what helps is said" "$status $(about trust)" \
    "1 trust store nowhere: cannot be found: No such file or directory: put the keys that are believed there, owned by root and \
writable by nobody else (hotfix-trust(5))"
mkdir open && cp release.pub open/ && chmod 777 open
run hotfixctl doctor --trust open
is "so is one that others may write to" "$status $(about trust | grep -c 'writ')" "1 1"
run hotfixctl doctor --trust open --json
is "as JSON" "$(json ok) $(json status) $(json findings.0.about) $(json findings.0.ok)" "false 1 kernel true"
if [ "$(id -u)" = 0 ]; then
    run setpriv --reuid 65534 --regid 65534 --clear-groups "$OPERATOR" doctor --trust trust
    is "who is not root learns what root is needed for" "$status $(about rights) $(about seccomp)" \
        "1 user 65534 may trace its own processes only: run this as root to enter those of others processes with a filter of \
system calls are refused: run this as root with CAP_SYS_ADMIN to enter those too"
    if unshare -U -r true 2>/dev/null; then
        run unshare -U -r "$OPERATOR" doctor --trust trust
        is "root of a user namespace is told of it" "$(about users)" "this is a user namespace of its own, whose root may trace only \
processes in it: run this in the host's, outside of the container, to enter others"
    fi
fi
finish
