#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hotfixctl apply to many processes in steps: a canary first, a command that says how it does, units of systemd, processes that
# cannot have it, and everything taken back where it goes wrong.
. "$(dirname "$0")/lib.sh"
. "$STORY/operator.sh"

# All processes of a program are meant below: not those of another run of this story.
unique=$(od -An -N16 -tx1 /dev/urandom | tr -d ' ')
program=roll$$
# shellcheck disable=SC2086 # words
{
    $CC $release="0x$unique" -o "$program" "$SOURCES/shop.c" "$SOURCES/cage.c" &&
        $CC -O2 -g $record -fPIC -shared -o fix.so fixed.c || exit 1
}
pack --target "$program" --key release.key -o fee.hotfix
chmod -R a+rX .
# states: how many processes are in which state.
states() {
    hotfixctl status fee.hotfix --all --trust trust 2>/dev/null | sed -n 's/^process [0-9]* ([^)]*): \([a-z]*\).*/\1/p' | sort | uniq -c | xargs
}
# roll OPTION...: to all.
roll() {
    run "${apply[@]}" fee.hotfix --all "$@"
    grep -v 'passed over' "$ERR" >err
    id=$(sed -n 's/.*, id \([0-9a-f]*\).*/\1/p' "$OUT" | head -n 1)
}
back() {
    run hotfixctl revert "$id" --exe "$program"
}

expect 2 "hotfixctl apply: --canary needs --health COMMAND or --wait SECONDS, which tell how it does" \
    "a canary that nobody looks at is none" "${apply[@]}" fee.hotfix --all --canary 1
expect 2 "hotfixctl apply: --dry-run changes nothing: --canary, --health and --wait are for changes" \
    "nor is one of a dry run" "${apply[@]}" fee.hotfix --all --dry-run --health true
expect 2 "hotfixctl apply: --canary 101: a number from 1 to 100 is needed" "no more than all" \
    "${apply[@]}" fee.hotfix --all --wait 1 --canary 101%
expect 2 "hotfixctl apply: --unit '../x': a unit's name is needed" "a unit is no path" \
    "${apply[@]}" fee.hotfix --unit ../x

start roll "./$program" workers
until [ "$(pgrep -cx "$program")" -ge 3 ]; do sleep 0.01; done
asleep
# What the canary is looks at the host as it is then.
health="$OPERATOR status fee.hotfix --all --trust trust 2>/dev/null | grep -c ': fixed' >>seen; test ! -e sick"
rm -f seen
roll --canary 1 --health "$health"
is "one is fixed first, then the rest" "$status $(cat err) $(xargs <seen) $(states)" "0  1 3 3 fixed"
back
rm -f seen
roll --canary 50% --health "$health"
is "or a share of them, rounded up" "$status $(cat err) $(xargs <seen) $(states)" "0  2 3 3 fixed"
back
rm -f seen && touch sick
roll --canary 1 --health "$health"
is "where the canary is sick, it is reverted, and the rest is never touched" \
    "$status $(xargs <seen) $(states) $(grep -c 'reverted again' "$OUT") $(cat err)" \
    "6 1 3 vulnerable 1 hotfixctl apply: reverted in the 1 processes that had got it, since: the health command failed with exit status 1"
roll --health "$health"
is "without a canary all of them are" "$status $(states) $(grep -c 'reverted again' "$OUT")" "6 3 vulnerable 3"
rm -f sick
roll --health 'kill -KILL $$'
is "a command that is killed is no good sign" "$status $(states) $(cat err)" \
    "6 3 vulnerable hotfixctl apply: reverted in the 3 processes that had got it, since: the health command was ended by signal 9"
roll --canary 1 --health "echo said"
is "what the command says is no part of the report" "$status $(grep -c said "$OUT") $(grep -c said err)" "0 0 2"
back

# Children that are forked by a fixed process meanwhile go back with it.
roll --canary 1 --health "echo f >&9; until [ \$(pgrep -cx $program) -ge 4 ]; do sleep 0.01; done; false"
is "a child of the canary is reverted, too" "$status $(states)" "6 4 vulnerable"

# Interrupted in the wait.
"${apply[@]}" fee.hotfix --all --canary 1 --wait 600 >ctl.out 2>ctl.err 9>&- &
ctl=$!
until grep -qs applied ctl.out || [ "$(states)" = "1 fixed 3 vulnerable" ]; do sleep 0.05; done
kill -TERM "$ctl"
wait "$ctl"
is "a rollout that is interrupted is taken back" "$? $(states) $(grep -v 'passed over' ctl.err)" \
    "6 4 vulnerable hotfixctl apply: reverted in the 1 processes that had got it, since: interrupted"

# One that cannot have it.
last=$(pgrep -x "$program" | tail -n 1)
kill -STOP "$last"
until grep -q 'State:.T' "/proc/$last/status"; do sleep 0.01; done
roll --max-failures 1
is "as many may go without it as are allowed" "$status $(states) $(tail -n 1 "$OUT")" \
    "1 3 fixed 1 vulnerable 1 of 4 processes cannot have it"
kill -CONT "$last"
roll
is "a second run gives it to those that went without" "$status $(grep -c 'has it already' "$OUT") $(states)" "0 3 4 fixed"
back

# A unit, as systemd's control groups have it; another program is in it, and a container has a unit of the same name.
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
    sleep 100 &
    stray=$!
    pids+=("$stray")
    mkdir groups
    pgrep -x "$program" | head -n 2 >two
    # unit COMMAND...: where the control groups are.
    cat >unit <<'SCRIPT'
set -e
mount -t tmpfs none /sys/fs/cgroup
shop=/sys/fs/cgroup/system.slice/system-shop.slice/shop.service
mkdir -p $shop/worker /sys/fs/cgroup/machine.slice/box.scope/system.slice/hidden.service /sys/fs/cgroup/system.slice/idle.service
head -n 1 two >$shop/cgroup.procs
tail -n 1 two >$shop/worker/cgroup.procs
echo "$1" >>$shop/cgroup.procs
: >/sys/fs/cgroup/system.slice/idle.service/cgroup.procs
cp two /sys/fs/cgroup/machine.slice/box.scope/system.slice/hidden.service/cgroup.procs
shift
exec "$@"
SCRIPT
    run unshare -m sh unit "$stray" "${apply[@]}" fee.hotfix --unit shop
    is "a unit's processes are fixed, the others not" "$status $(cat "$ERR") $(states)" "0  2 fixed 2 vulnerable"
    run unshare -m sh unit "$stray" "$OPERATOR" status fee.hotfix --unit shop.service --trust trust
    is "its status is its own" "$status $(grep -c ': fixed' "$OUT") $(wc -l <"$OUT")" "0 2 2"
    run unshare -m sh unit "$stray" "${apply[@]}" fee.hotfix --unit hidden
    is "a container's unit is not the host's" "$status $(cat "$ERR")" \
        "6 hotfixctl apply: the unit hidden.service does not run: no control group has its name"
    run unshare -m sh unit "$stray" "${apply[@]}" fee.hotfix --unit idle
    is "a unit without processes says so" "$status $(cat "$ERR")" "6 hotfixctl apply: the unit idle.service has no process"
    run unshare -m sh unit "$stray" "$OPERATOR" revert "$id" --unit shop
    is "and is taken back" "$status $(cat "$ERR") $(states)" "0  4 vulnerable"
    kill "$stray"
fi
exec 9>&-
pkill -x "$program"

finish
