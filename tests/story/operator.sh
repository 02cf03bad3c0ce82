# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # stories use what is set here, lib.sh sets status
# What the stories of hotfixctl share, behind lib.sh: a trust store, and processes to enter.

OPERATOR=$BUILD/hotfixctl
if [ ! -x "$OPERATOR" ]; then
    echo "1..0 # SKIP hotfixctl is not built for this CPU, or with sanitizers"
    exit 0
fi
if [ "$(id -u)" != 0 ] && grep -qs '[1-3]' /proc/sys/kernel/yama/ptrace_scope; then
    echo "1..0 # SKIP Yama lets only root trace other processes"
    exit 0
fi
hotfixctl() {
    "$OPERATOR" "$@"
}
# applied CLAIM COMMAND...: it succeeds; $id is the bundle's.
applied() {
    local claim=$1
    shift
    run "$@"
    is "$claim" "$status $(grep -v 'passed over' "$ERR")" "0 "
    id=$(sed -n 's/.*, id \([0-9a-f]*\):.*/\1/p' "$OUT" | head -n 1)
}

record=''
case $($CC --version) in *clang*) record=-grecord-command-line ;; esac
SOURCES=$STORY/operator
release="-O2 -g $record -Wl,--build-id"
sed 's/ 7 / 9 /' "$SOURCES/shop.c" >fixed.c
hotfix keygen release >/dev/null && hotfix keygen stranger >/dev/null || exit 1
mkdir trust && cp release.pub trust/
pack() {
    hotfix pack --patch fix.so --func fee --accept-flags "made by hand" --name fee --version 1 "$@" >/dev/null 2>"$ERR" || {
        diagnose <"$ERR"
        exit 1
    }
}
pids=()
trap 'kill -KILL "${pids[@]}" 2>/dev/null; cd / && rm -rf "$SCRATCH"' EXIT

# start NAME COMMAND...: in the background, with its input at descriptor 9, its output in NAME.out; $pid, once it is ready.
start() {
    local name=$1 fifo=$1.fifo
    shift
    rm -f go "$fifo" "$name.out"
    mkfifo "$fifo"
    "$@" <"$fifo" >"$name.out" 2>&1 9>&- &
    pid=$!
    pids+=("$pid")
    exec 9>"$fifo"
    until grep -qs ready "$name.out"; do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.01
    done
}
# asleep: the only thread of the process sleeps, or with a number, so many of its threads do.
asleep() {
    local count
    for _ in {1..500}; do
        count=$(cat /proc/"$pid"/task/*/stat 2>/dev/null | sed 's/.*) //' | grep -c '^S')
        [ "$count" -ge "${1:-1}" ] && return 0
        sleep 0.01
    done
    return 1
}
# go KIND: what the process waits for.
go() {
    touch go
    case $1 in
    accept) perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Peer => "socket") or die' ;;
    sigwait) kill -USR1 "$pid" ;;
    *) (echo >&9) 2>/dev/null ;; # it may have ended already
    esac
    exec 9>&-
}
# ends NAME: waits for it; $said is its exit status and the last line that it wrote.
ends() {
    wait "$pid"
    said="$? $(tail -n 1 "$1.out")"
}
# descriptors and mappings of the process, to see that it is as before.
things() {
    ls "/proc/$pid/fd"
    grep -v -e '\[heap\]' -e '\[stack\]' "/proc/$pid/maps"
}

apply=("$OPERATOR" apply --trust trust)

# refused STATUS ERROR CLAIM COMMAND...: as expect, where the message calls the process PID.
refused() {
    local wanted_status=$1 wanted=$2 claim=$3
    shift 3
    run "$@"
    is "$claim" "$status $(sed "s/$pid/PID/g" "$ERR")" "$wanted_status $wanted"
}
