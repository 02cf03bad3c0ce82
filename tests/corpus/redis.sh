#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Debian's security fixes to redis, one by one: the server as it was before each is started and loaded, the fix is built,
# packed and applied while the load runs, its effect is tested with redis's own tests, and it is reverted.
#
#     redis.sh [PATCH...]    all patches of redis.list, or those named
#
# Reads BUILD (where hotfix was built), CORPUS_CACHE, CORPUS_WORK, CORPUS_JOBS and CORPUS_PORT. Exits with 77 when the
# source package cannot be had.

# shellcheck source=tests/corpus/lib.sh
. "$(dirname "$0")/lib.sh"
list=$root/tests/corpus/redis.list
settings="BUILD_TLS=yes USE_SYSTEM_JEMALLOC=yes USE_JEMALLOC=yes USE_SYSTEMD=no"
# Redis builds its copy of Lua but once, and links nothing anew for it: both are asked for.
server_command="make -C src -j$jobs $settings redis-server"
build_command="$server_command && make -C deps -j$jobs $settings lua &&
    if [ deps/lua/src/liblua.a -nt src/redis-server ]; then rm src/redis-server && $server_command; fi"
port=${CORPUS_PORT:-7891}

server=
load=

stop_server() {
    local process
    for process in $load $server; do
        while kill -9 "$process" 2>/dev/null; do
            sleep 0.1
        done
    done
    server='' load=''
}
trap stop_server EXIT
trap 'exit 130' INT TERM

# start_server PROGRAM: with the agent inside, answering on the port.
start_server() {
    rm -f "$work/agent.sock"
    (cd "$work" && HOTFIX_AGENT_SOCKET=$work/agent.sock HOTFIX_AGENT_TRUST=$work/trust LD_PRELOAD=$agent \
        exec "$1" --port "$port" --save '' --appendonly no --enable-debug-command yes \
        --enable-protected-configs yes --loglevel warning >"$work/server.log" 2>&1) &
    server=$!
    disown "$server" # how it ends is part of the table, not of the shell's messages
    for _ in $(seq 100); do
        [ -S "$work/agent.sock" ] && "$tools/redis-cli" -p "$port" ping >/dev/null 2>&1 && return
        kill -0 "$server" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

# upstream_test UNIT:NAME: one test of the suite as it is after the fix, against the running server.
upstream_test() {
    (cd "$fixed" && timeout 300 ./runtest --host 127.0.0.1 --port "$port" --single "${1%%:*}" --only "${1#*:}") \
        >"$work/test.log" 2>&1 && grep -qF "[ok]: ${1#*:}" <(sed "s/\x1b\[[0-9;]*m//g" "$work/test.log")
}

start_load() {
    "$tools/redis-benchmark" -p "$port" -q -n 100000000 -c 20 -t set,get,lpush,lpop,sadd,hset >"$work/load.log" 2>&1 &
    load=$!
    disown "$load"
    sleep 0.5
}

alive() {
    sleep 0.2
    kill -0 "$server" 2>/dev/null && kill -0 "$load" 2>/dev/null
}

# tested_on PROGRAM TEST: a server of its own, since the bug may kill the one that has it.
tested_on() {
    local status=0
    start_server "$1" || die "redis-server does not start: see $work/server.log"
    upstream_test "$2" || status=1
    stop_server
    return $status
}

# Sets $verdict, $functions and $pause.
apply_and_revert() {
    local test=$1 answer shows='' says=''
    verdict="applied" functions=- pause=-
    if [ "$test" != - ] && ! tested_on "$work/build/tree.after/src/redis-server" "$test"; then
        says=", its test fails on a server compiled with the fix too" test=-
    elif [ "$test" != - ]; then
        tested_on "$tree/src/redis-server" "$test" || shows=yes
    fi
    start_server "$tree/src/redis-server" || die "redis-server does not start: see $work/server.log"
    start_load
    if ! answer=$(ask "$work/agent.sock" "apply $work/fix.hotfix"); then
        verdict="refused: loader: ${answer#error * }"
        return
    fi
    functions=$(grep -c '^function ' <<<"$answer")
    pause=$(($(field pause_ns <<<"$answer") / 1000))us
    if ! alive; then
        verdict="broken: the server or its load died after the fix was applied"
    elif [ "$test" != - ] && ! upstream_test "$test"; then
        verdict="broken: its test fails with it"
    elif ! ask "$work/agent.sock" revert >"$work/revert.log" || ! alive; then
        verdict="broken: not reverted: $(head -n 1 "$work/revert.log")"
    elif [ -n "$shows" ] && upstream_test "$test"; then
        verdict="broken: its test passes after it was reverted"
    elif [ -n "$shows" ]; then
        verdict="applied, its test says so"
    else
        verdict+=$says
    fi
}

# fix PATCH EXPECTED TEST: one row of the table.
fix() {
    if fix_pack "$tree/src/redis-server" "$tree" "$1" "$build_command"; then
        apply_and_revert "$3"
        stop_server
        row "$1" "$functions" "$verdict" "$pause" "$built" "$2"
    else
        row "$1" - "refused: $refused" - "$built" "$2"
    fi
}

# The client and the load come from the first tree that is built.
make_tools() {
    [ -x "$tools/redis-benchmark" ] && return
    # shellcheck disable=SC2086 # words
    make -C "$tree/src" -j"$jobs" $settings redis-cli redis-benchmark >>"$work/make.log" 2>&1 || return 1
    mkdir -p "$tools" && cp "$tree/src/redis-cli" "$tree/src/redis-benchmark" "$tools/"
}

fetch redis
make_keys
make_agent
tree=$work/tree
fixed=$work/fixed
tools=$work/tools
rm -rf "$tree" "$fixed" "$tools" "$work/patch.log"
unpack redis "$tree"

table_head
left=$#
while read -r patch; do
    IFS=$'\t' read -r known expected test < <(entry "$list" "$patch")
    if [ -n "$known" ] && wanted "$patch" "$@"; then
        if ! (cd "$tree" && sh -c "$build_command") >"$work/make.log" 2>&1 || ! make_tools; then
            die "redis does not build before $patch: see $work/make.log"
        fi
        rm -rf "$fixed"
        cp -a "$tree" "$fixed"
        apply_patch "$fixed" "$patch"
        fix "$patch" "$expected" "$test"
        left=$((left - 1))
        [ "$left" -eq 0 ] && break
    fi
    apply_patch "$tree" "$patch" || die "$patch does not apply: see $work/patch.log"
done < <(patches "$tree")
finish
