#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hotfixctl on processes as hosts have them: locked up in many ways, many of one program, forked, traced, killed meanwhile.
. "$(dirname "$0")/lib.sh"
. "$STORY/operator.sh"

# All processes of a program are meant below: not those of another run of this story.
name=cage$$
unique=$(od -An -N16 -tx1 /dev/urandom | tr -d ' ')
sed "s|@DIRECTORY@|$SCRATCH|" "$SOURCES/slow.c" >slow.c
# shellcheck disable=SC2086 # words
{
    $CC $release="0x$unique" -o cage "$SOURCES/shop.c" "$SOURCES/cage.c" && ln cage "$name" &&
        $CC -O2 -g $record -fPIC -shared -o fix.so fixed.c &&
        $CC -O2 -g $record -fPIC -shared -o slow.so fixed.c slow.c || exit 1
}
pack --target cage --key release.key -o cage.hotfix
hotfix pack --patch slow.so --func fee --accept-flags "made by hand" --name slow --version 1 --target cage --key release.key \
    -o slow.hotfix >/dev/null 2>"$ERR" || diagnose <"$ERR"
mkdir empty
chmod -R a+rX .

# ask: one line; the answer becomes $answer.
ask() {
    local before
    before=$(wc -l <"$1.out")
    echo >&9
    for _ in {1..500}; do
        [ "$(wc -l <"$1.out")" -gt "$before" ] && break
        sleep 0.01
    done
    answer=$(tail -n 1 "$1.out")
}
over() {
    exec 9>&-
    wait "$pid"
}

# Locked up by themselves.
root=''
[ "$(id -u)" = 0 ] || root=no
for cage in '' undumpable nproc user 'user undumpable nproc' seccomp 'user seccomp'; do
    if [ -n "$root" ] && [[ "$cage" =~ user|seccomp|undumpable ]]; then
        continue
    fi
    # shellcheck disable=SC2086 # words
    start cage ./cage $cage
    asleep
    applied "root enters a process that is ${cage:-free}" "${apply[@]}" cage.hotfix --pid "$pid"
    ask cage
    is "which runs the fix then" "$answer" "fee 10"
    run hotfixctl revert "$id" --pid "$pid"
    ask cage
    is "and not after its revert" "$status $answer" "0 fee 8"
    over
done
start cage ./cage nofile
asleep
refused 6 "hotfixctl apply: process PID has no descriptor left for the library: raise its limit (prlimit --pid PID --nofile)" \
    "a process without descriptors is told of" "${apply[@]}" cage.hotfix --pid "$pid"
ask cage
is "and goes on" "$answer" "fee 8"
over

if [ -z "$root" ]; then
    start cage ./cage chroot empty
    asleep
    refused 6 "hotfixctl apply: process PID has no /proc in its root directory, which it needs to load the library: mount it \
there meanwhile (mkdir -p /proc/PID/root/proc; mount -t proc proc /proc/PID/root/proc)" \
        "so is one without /proc" "${apply[@]}" cage.hotfix --pid "$pid"
    mkdir empty/proc
    if mount -t proc proc empty/proc 2>/dev/null; then
        applied "and what the message says helps" "${apply[@]}" cage.hotfix --pid "$pid"
        umount empty/proc
        ask cage
        is "in a root of its own, too" "$answer" "fee 10"
    fi
    over

    # Containers: numbers, mounts and users of their own.
    for kind in -pfmn -Urpfmn; do
        unshare "$kind" --mount-proc true 2>/dev/null || continue
        start cage unshare "$kind" --mount-proc ./cage undumpable
        outer=$pid
        pid=$(pgrep -P "$outer")
        asleep
        applied "a process in namespaces ($kind) is entered" "${apply[@]}" cage.hotfix --pid "$pid"
        ask cage
        is "and runs the fix" "$answer" "fee 10"
        pid=$outer
        over
    done

    nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    start cage ./cage
    asleep
    refused 6 "hotfixctl apply: process PID belongs to user 0: run this as that user or as root" "another user is refused" \
        "${nobody[@]}" "${apply[@]}" cage.hotfix --pid "$pid"
    over
    start cage "${nobody[@]}" ./cage
    asleep
    if grep -qs '[123]' /proc/sys/kernel/yama/ptrace_scope; then
        refused 6 "hotfixctl apply: Yama lets only root trace process PID (kernel.yama.ptrace_scope is 1), or its programs are \
set-user-ID or undumpable: run this as root" "Yama is named" "${nobody[@]}" "${apply[@]}" cage.hotfix --pid "$pid"
    else
        applied "the user himself is not" "${nobody[@]}" "${apply[@]}" cage.hotfix --pid "$pid"
    fi
    over
    start cage "${nobody[@]}" ./cage undumpable
    asleep
    refused 6 "hotfixctl apply: the kernel does not let this user trace process PID, which made itself undumpable or has changed \
its user: run this as root" "but for an undumpable process" "${nobody[@]}" "${apply[@]}" cage.hotfix --pid "$pid"
    over
    start cage "${nobody[@]}" ./cage seccomp
    asleep
    run "${nobody[@]}" "${apply[@]}" cage.hotfix --pid "$pid"
    is "and for one with a filter of system calls" "$status $(grep -c 'has a seccomp filter, .*: run this as root' "$ERR")" "6 1"
    ask cage
    is "which lives on" "$answer" "fee 8"
    over
fi

# Traced already.
start cage ./cage
asleep
if command -v strace >/dev/null; then
    strace -o strace.out -p "$pid" 2>/dev/null &
    tracer=$!
elif command -v gdb >/dev/null; then
    gdb -batch -p "$pid" -ex 'continue' >/dev/null 2>&1 9>&- &
    tracer=$!
fi
if [ -n "${tracer-}" ]; then
    for _ in {1..500}; do
        grep -q 'TracerPid:.[1-9]' "/proc/$pid/status" && break
        sleep 0.01
    done
    sleep 0.3
    by=$(sed -n 's/TracerPid:\t//p' "/proc/$pid/status")
    refused 6 "hotfixctl apply: process PID is traced by process $by, and a process can have one tracer only: end that debugger or \
strace first" "a traced process is told of" "${apply[@]}" cage.hotfix --pid "$pid"
    kill -INT "$by" 2>/dev/null
    kill "$tracer" 2>/dev/null
    wait "$tracer" 2>/dev/null
fi
over

# What cannot be entered has a name.
if "$CC" -static -o static "$SOURCES/shop.c" "$SOURCES/cage.c" 2>/dev/null; then
    start static ./static
    refused 6 "hotfixctl apply: process PID is statically linked, or has another C library than glibc, and cannot be entered: link \
libhotfix into the program instead" "a static program" "${apply[@]}" cage.hotfix --pid "$pid"
    over
fi
"$CC" -O2 -I"$ROOT/loader" -I"$ROOT/manifest" -o linked -x c - -x none "$SOURCES/shop.c" -L"$LIBRARY" -Wl,-rpath,"$LIBRARY" -lhotfix <<'SOURCE' || exit 1
#include <hotfix.h>
#include <unistd.h>
int main(void)
{
    char byte;
    return hotfix_version() && write(1, "ready\n", 6) == 6 && read(0, &byte, 1) < 0;
}
SOURCE
start linked ./linked
refused 6 "hotfixctl apply: process PID has libhotfix itself: let the program apply the bundle, two libraries would undo each \
other's work" "one that links libhotfix" "${apply[@]}" cage.hotfix --pid "$pid"
over
cat >small.S <<'SOURCE'
	.globl _start
_start:
	mov $4, %eax /* write */
	mov $1, %ebx
	mov $text, %ecx
	mov $6, %edx
	int $0x80
	mov $3, %eax /* read */
	mov $0, %ebx
	mov $text, %ecx
	int $0x80
	mov $1, %eax /* exit */
	int $0x80
	.data
text:	.ascii "ready\n"
	.section .note.GNU-stack, "", @progbits
SOURCE
"$CC" -m32 -nostdlib -static -o small small.S 2>/dev/null
if [ -x small ] && ! ./small </dev/null 2>&1 | grep -q 'Exec format' && [ "$(./small </dev/null 2>/dev/null)" = ready ]; then
    start small ./small
    refused 6 "hotfixctl apply: process PID is a 32-bit program, which cannot be entered: only 64-bit ones can" "a 32-bit program" \
        "${apply[@]}" cage.hotfix --pid "$pid"
    over
fi

# Many of one program, all or none.
start cage "./$name" workers
until [ "$(pgrep -cx "$name")" -ge 3 ]; do sleep 0.01; done
workers=$(pgrep -P "$pid" | xargs)
applied "all processes of a program" "${apply[@]}" cage.hotfix --all
is "are three" "$(grep -c 'applied fee 1' "$OUT")" 3
run hotfixctl status --exe cage --json
is "and status finds the bundle in each" "$(json processes.0.bundles.0.id) $(json processes.1.bundles.0.id) $(json processes.2.bundles.0.id)" \
    "$id $id $id"
echo f >&9
until [ "$(pgrep -cx "$name")" -ge 4 ]; do sleep 0.01; done
run "${apply[@]}" cage.hotfix --exe cage
is "a child that is forked later has it" "$status $(grep -c 'has it already' "$OUT")" "0 4"
run hotfixctl revert "$id" --exe cage
is "and all lose it again" "$status $(grep -c 'reverted fee 1' "$OUT")" "0 4"
last=${workers##* }
kill -STOP "$last"
until grep -q 'State:.T' "/proc/$last/status"; do sleep 0.01; done
run "${apply[@]}" cage.hotfix --all
is "where one cannot have it" "$status $(grep -c "process $last is stopped: continue it first" "$ERR")" "6 1"
run hotfixctl status --exe cage
is "none has it" "$(grep -c 'no bundle is applied' "$OUT")" 4
kill -CONT "$last"
over
until [ "$(pgrep -cx "$name")" = 0 ]; do sleep 0.01; done

# inside: an apply is under way, in the hook of the patch.
inside() {
    rm -f inside outside
    start cage ./cage
    asleep
    "${apply[@]}" slow.hotfix --pid "$pid" >ctl.out 2>ctl.err 9>&- &
    ctl=$!
    until [ -e inside ]; do sleep 0.01; done
}
inside
kill -INT "$ctl"
sleep 0.1
touch outside
wait "$ctl"
is "an interrupt waits for the thread" "$? $(grep -c 'applied slow 1' ctl.out)" "0 1"
ask cage
is "which is back" "$answer" "fee 10"
over
inside
run "${apply[@]}" cage.hotfix --pid "$pid" --deadline 50
is "two commands take turns" "$status $(sed "s/$pid/PID/" "$ERR")" "6 hotfixctl apply: another hotfixctl is at process PID: try again \
when it is done"
kill -KILL "$ctl"
wait "$ctl" 2>/dev/null
touch outside
ask cage
is "a thread whose visitor was killed goes back by itself" "$answer" "fee 10"
run hotfixctl status --pid "$pid"
is "and the bundle is applied" "$status $(grep -c ' slow 1, id' "$OUT")" "0 1"
id=$(sed -n 's/.*, id \([0-9a-f]*\):.*/\1/p' "$OUT")
run hotfixctl revert "$id" --pid "$pid"
ask cage
is "and can be reverted" "$status $answer" "0 fee 8"
over
inside
kill -STOP "$pid"
sleep 0.1
touch outside
sleep 0.1
kill -CONT "$pid"
wait "$ctl"
is "a stop in between is obeyed" "$? $(grep -c 'applied slow 1' ctl.out)" "0 1"
ask cage
is "and then it goes on" "$answer" "fee 10"
over
inside
kill -KILL "$pid"
wait "$pid" 2>/dev/null
wait "$ctl"
is "a process that dies meanwhile is told of" "$? $(sed "s/$pid/PID/; s/thread [0-9][0-9]*/thread TID/" ctl.err)" \
    "6 hotfixctl apply: process PID, or its thread TID that was used, has ended meanwhile"

finish
