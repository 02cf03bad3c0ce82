#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hotfixctl status, asked about a bundle: every state that a process can be in, told by the code in its memory.
. "$(dirname "$0")/lib.sh"
. "$STORY/operator.sh"

# All processes of a program are meant below: not those of another run of this story.
unique=$(od -An -N16 -tx1 /dev/urandom | tr -d ' ')
other=$(od -An -N16 -tx1 /dev/urandom | tr -d ' ')
program=shop$$
# shellcheck disable=SC2086 # words
{
    $CC $release="0x$unique" -o "$program" "$SOURCES/shop.c" "$SOURCES/cage.c" &&
        $CC -O1 -g $record -Wl,--build-id="0x$other" -o other "$SOURCES/shop.c" "$SOURCES/cage.c" &&
        $CC -O2 -g $record -fPIC -shared -o fix.so fixed.c || exit 1
}
mkdir next && mv other "next/$program"
pack --target "$program" --key release.key -o fee.hotfix
pack --target "$program" --key stranger.key -o strange.hotfix
# Another fix of the same function, and one that takes the place of it.
hotfix pack --patch fix.so --func fee --accept-flags "made by hand" --name older --version 1 --target "$program" --key release.key \
    -o older.hotfix >/dev/null 2>"$ERR" || diagnose <"$ERR"
older=$(hotfix show older.hotfix | sed -n 's/^id *//p')
pack --target "$program" --key release.key -o newer.hotfix --supersedes "$older"
chmod -R a+rX .
told() {
    sed "s/$pid/PID/g; s/$program/shop/g; s/$unique/BUILD/g; s/$other/OTHER/g; s/$older/OLDER/g" "$OUT"
}
# state STATUS LINE CLAIM OPTION...: the first line of what status says of the process.
state() {
    local wanted_status=$1 wanted=$2 claim=$3
    shift 3
    run hotfixctl status --trust trust "$@"
    is "$claim" "$status $(told | head -n 1)" "$wanted_status $wanted" || diagnose <"$ERR"
}

run hotfixctl status fee.hotfix --all --trust trust
is "where nothing runs, nothing is fixed" "$status $(grep -v 'passed over' "$ERR")" \
    "6 hotfixctl status: no process runs what the bundle is for"

start shop "./$program"
asleep
state 1 "process PID (shop): vulnerable: fee is not applied" "a process without the bundle is vulnerable" fee.hotfix --pid "$pid"
run hotfixctl status fee.hotfix --all --trust trust --json
is "as JSON has it" "$status $(json ok) $(json status) $(json error) $(json processes.0.state) $(json processes.0.enterable) $(json processes.0.replaced)" \
    "1 false 1 null vulnerable true 0"
refused 4 "hotfixctl status: bundle strange.hotfix: signed only by keys that are not in the trust store (key id $(openssl pkey \
    -pubin -in stranger.pub -outform DER | tail -c 32 | sha256sum | cut -c 1-32))" "a stranger's bundle is asked nothing" \
    hotfixctl status strange.hotfix --pid "$pid" --trust trust
refused 2 "hotfixctl status: --verify compares with a bundle: name it" "and --verify needs one" \
    hotfixctl status --verify --pid "$pid"
applied "the bundle is applied" "${apply[@]}" fee.hotfix --pid "$pid"
state 0 "process PID (shop): fixed: 1 functions" "then it is fixed" fee.hotfix --pid "$pid"
state 0 "process PID (shop): fixed, and verified: 1 functions" "byte by byte" fee.hotfix --all --verify
state 1 "process PID (shop): patched by bundle $id: whether that has this fix, its own status does not say; revert it first, or \
ask who made it" "of another bundle's patch nothing is known" older.hotfix --pid "$pid"

# Children have it, too; a process of another build has its own state, and each counts.
echo f >&9
until [ "$(pgrep -cx "$program")" -ge 2 ]; do sleep 0.01; done
run hotfixctl status fee.hotfix --all --trust trust --verify
is "a child is looked at for itself" "$status $(grep -c 'fixed, and verified: 1 functions' "$OUT")" "0 2"
first=$pid
exec 8>&9
start next "./next/$program"
asleep
state 1 "process PID (shop): other build: it runs shop with build-id OTHER, of which this bundle says nothing" \
    "another build is no fixed one" fee.hotfix --pid "$pid"
run hotfixctl status fee.hotfix --all --trust trust
is "and is not passed over" "$status $(grep -c ': fixed' "$OUT") $(grep -c 'other build' "$OUT") $(tail -n 1 "$OUT")" \
    "1 2 1 1 of 3 processes are not fixed, or not known to be"
exec 9>&-
wait "$pid"
start none sh -c 'echo ready; read -r line'
state 6 "process PID (sh): does not run shop" "one that does not run it says so" fee.hotfix --pid "$pid"
exec 9>&-
wait "$pid"

# The file of the program is replaced, as by an upgrade: what counts is in memory.
mv "$program" old && cp "next/$program" "$program"
pid=$first
state 0 "process PID (shop): fixed, and verified: 1 functions" "an upgrade on disk does not matter to what runs" \
    fee.hotfix --pid "$pid" --verify

# Somebody writes over the code.
# poke ADDRESS BYTE: in the process.
poke() {
    perl -e 'open(my $m, "+<", "/proc/$ARGV[0]/mem") or die; sysseek($m, $ARGV[1], 0); syswrite($m, chr($ARGV[2])) or die' \
        "$pid" "$1" "$2"
}
# peek ADDRESS
peek() {
    perl -e 'open(my $m, "<", "/proc/$ARGV[0]/mem") or die; sysseek($m, $ARGV[1], 0); sysread($m, my $b, 1); print ord $b' \
        "$pid" "$1"
}
base=$((0x$(awk -v path="$PWD/$program" '$0 ~ path || $0 ~ /\/old$/ { print $1; exit }' "/proc/$pid/maps" | cut -d- -f1)))
read -r value size < <(nm -S old | awk '$4 == "fee" { print $1, $2 }')
last=$((base + 0x$value + 0x$size - 1))
entry=$((base + 0x$value))
[ "$(peek "$entry")" = 243 ] && entry=$((entry + 4)) # a landing pad stays
was=$(peek "$last")
poke "$last" 204
state 0 "process PID (shop): fixed: 1 functions" "code that is not run any more is not looked at" fee.hotfix --pid "$pid"
state 1 "process PID (shop): changed: the code of fee is neither that of shop nor of the bundle: start the process anew" \
    "but with --verify" fee.hotfix --pid "$pid" --verify
poke "$last" "$was"
poke "$entry" 144
state 1 "process PID (shop): changed: the code of fee is neither that of shop nor of the bundle: start the process anew" \
    "a damaged entry is always seen" fee.hotfix --pid "$pid"
poke "$entry" 233
run hotfixctl status fee.hotfix --pid "$pid" --verify --trust trust
is "put back, it is fixed again" "$status" 0
run hotfixctl revert "$id" --pid "$pid"
is "a revert works after all that" "$status" 0
state 1 "process PID (shop): vulnerable: fee is not applied" "and shows" fee.hotfix --pid "$pid" --verify
kill -STOP "$pid"
until grep -q 'State:.T' "/proc/$pid/status"; do sleep 0.01; done
state 1 "process PID (shop): vulnerable: fee is not applied; and it cannot be entered: process PID is stopped: continue it first \
(kill -CONT PID)" "what keeps the fix out is told" fee.hotfix --pid "$pid"
kill -CONT "$pid"
applied "an older bundle" "${apply[@]}" older.hotfix --pid "$pid"
state 1 "process PID (shop): vulnerable: it has bundle OLDER, which this one is to replace" "is not the newer one" \
    newer.hotfix --pid "$pid"
applied "the newer one" "${apply[@]}" newer.hotfix --pid "$pid"
state 0 "process PID (shop): fixed, and verified: 1 functions" "takes its place" newer.hotfix --pid "$pid" --verify
if [ "$(id -u)" = 0 ]; then
    setpriv --reuid 65534 --regid 65534 --clear-groups "$OPERATOR" status newer.hotfix --pid "$pid" --trust trust >"$OUT" 2>"$ERR"
    is "who may not look is told nothing good" "$? $(told | head -n 1)" \
        "1 process PID: unknown: process PID belongs to user 0: run this as that user or as root"
fi
run hotfixctl status --all
is "without a bundle, what is applied on the host" "$status $(told | grep -c 'process PID (shop): fee 1, id ')" "0 1"
exec 8>&- 9>&-
kill "$first" 2>/dev/null
pkill -x "$program"

finish
