#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hotfixctl, and processes that know nothing of libhotfix: applied and reverted from outside, whatever the process is at, or
# refused with the process untouched.
. "$(dirname "$0")/lib.sh"

. "$STORY/operator.sh"

# shellcheck disable=SC2086 # words
{
    for program in waits registers load; do
        $CC $release -o "$program" "$SOURCES/shop.c" "$SOURCES/$program.c" -pthread -lm || exit 1
    done
    $CC -O2 -g $record -fPIC -shared -o fix.so fixed.c || exit 1
}
for program in waits registers load; do
    pack --target "$program" --key release.key -o "$program.hotfix"
done
pack --target waits --key stranger.key -o strange.hotfix
SOURCE_DATE_EPOCH=1000000000 pack --target waits --key release.key --expires 2001-12-31 -o expired.hotfix
chmod -R a+rX .

# What is refused touches nothing.
start refused ./waits read
asleep
things >before
stranger=$(openssl pkey -pubin -in stranger.pub -outform DER | tail -c 32 | sha256sum | cut -c 1-32)
refused 4 "hotfixctl apply: bundle strange.hotfix: signed only by keys that are not in the trust store (key id $stranger)" \
    "a stranger's bundle is refused" "${apply[@]}" strange.hotfix --pid "$pid"
refused 4 "hotfixctl apply: bundle expired.hotfix: the bundle expired on 2001-12-31T23:59:59Z" \
    "an expired bundle is refused" "${apply[@]}" expired.hotfix --pid "$pid"
head -c 3000 waits.hotfix >cut.hotfix
run "${apply[@]}" cut.hotfix --pid "$pid"
is "half a bundle is refused" "$status" 5
build=$(readelf -nW load | sed -n 's/.*Build ID: //p')
refused 6 "hotfixctl apply: process PID does not run load with build-id $build" \
    "a bundle for another program is refused" "${apply[@]}" load.hotfix --pid "$pid"
refused 5 "hotfixctl apply: trust store nowhere: cannot be found: No such file or directory" \
    "no trust store, no apply" hotfixctl apply waits.hotfix --pid "$pid" --trust nowhere
refused 6 "hotfixctl revert: process PID: no bundle is applied" "nothing applied, nothing reverted" \
    hotfixctl revert 00112233445566778899aabbccddeeff --pid "$pid"
refused 2 "hotfixctl apply: which processes: give either --pid N, as often as needed, or --exe FILE, or --unit UNIT, or --all" \
    "some process is to be named" "${apply[@]}" waits.hotfix
refused 2 "hotfixctl apply: --pid x: a number from 1 to 2147483647 is needed" "by a number" \
    "${apply[@]}" waits.hotfix --pid x
kill -STOP "$pid"
until grep -q 'State:.T' "/proc/$pid/status"; do sleep 0.01; done
refused 6 "hotfixctl apply: process PID is stopped: continue it first (kill -CONT PID)" \
    "a stopped process is left alone" "${apply[@]}" waits.hotfix --pid "$pid"
kill -CONT "$pid"
asleep
run "${apply[@]}" waits.hotfix --pid "$pid" --dry-run
is "a dry run says that it could be" "$status $(sed "s/$pid/PID/; s/id .*/id/" "$OUT")" "0 process PID: could be applied: fee 1, id"
things >after
ok "and all of that leaves the process as it was" cmp before after
run hotfixctl status --pid "$pid"
is "of which status says so" "$status $(sed "s/$pid/PID/" "$OUT")" "0 process PID (waits): no bundle is applied"
go read
ends refused
is "and which goes on as if nothing had been" "$said" "0 read done, errno 4242, fee 8"
refused 6 "hotfixctl apply: there is no process PID" "one that has ended is no target" "${apply[@]}" waits.hotfix --pid "$pid"

# Every kind of sleep goes on behind the visit, errno included.
for kind in read poll ppoll select pselect epoll accept nanosleep sigwait cond sem join; do
    start "$kind" ./waits "$kind"
    asleep
    ls "/proc/$pid/fd" >fds
    run "${apply[@]}" waits.hotfix --pid "$pid"
    [ "$status" = 0 ] || diagnose <"$ERR"
    is "$kind: no descriptor is left" "$(ls "/proc/$pid/fd")" "$(cat fds)"
    go "$kind"
    ends "$kind"
    is "a thread that sleeps in $kind is used, and sleeps on" "$status $said" "0 0 $kind done, errno 4242, fee 10"
done

# Where it may not be, it is not.
for kind in stdio mutex handler qsort coroutine linker exit; do
    start "$kind" ./waits "$kind"
    asleep
    run "${apply[@]}" waits.hotfix --pid "$pid" --deadline 100
    is "a thread in $kind is not used" "$status $(sed "s/$pid/PID/; s/thread [0-9][0-9]*/thread TID/" "$ERR" | grep -c 'no thread of process PID was at a safe point (thread TID is ')" "6 1" || diagnose <"$ERR"
    go "$kind"
    ends "$kind"
    is "and not harmed" "$said" "0 $kind done, errno 4242, fee 8"
done

# Registers, in a program that looks at all of them.
start registers ./registers
if grep -q AVX registers.out; then
    go none
else
    for _ in 1 2 3 4 5; do
        run "${apply[@]}" registers.hotfix --pid "$pid"
        [ "$status" = 0 ] || diagnose <"$ERR"
        id=$(sed -n 's/.*, id \([0-9a-f]*\):.*/\1/p' "$OUT")
        run hotfixctl revert "$id" --pid "$pid"
        [ "$status" = 0 ] || diagnose <"$ERR"
    done
    run "${apply[@]}" registers.hotfix --pid "$pid"
    go none
    ends registers
    is "registers are as before, vectors, rounding and errno among them" "$status $said" "0 0 kept 0, fee 10"
fi

# Under load, back and forth.
start load ./load 9
asleep
outcome=''
for _ in 1 2 3 4 5; do
    run "${apply[@]}" load.hotfix --pid "$pid"
    outcome+=$status
    [ "$status" = 0 ] || diagnose <"$ERR"
    id=$(sed -n 's/.*, id \([0-9a-f]*\):.*/\1/p' "$OUT")
    refused 6 "hotfixctl apply: process PID: bundle fee 1 is applied already" "twice is once too often" \
        "${apply[@]}" load.hotfix --pid "$pid"
    run hotfixctl status --pid "$pid" --json
    outcome+=$(json processes.0.bundles.0.id | sed "s/$id/-/")
    run hotfixctl revert "$id" --pid "$pid"
    outcome+=$status
    [ "$status" = 0 ] || diagnose <"$ERR"
done
is "a program with many threads is fixed and put back under load" "$outcome" "0-00-00-00-00-0"
go load
ends load
is "without a wrong answer" "$said" "0 some before, some after, 0 wrong"

finish
