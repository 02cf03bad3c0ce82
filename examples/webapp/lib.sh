# SPDX-License-Identifier: Apache-2.0
# What scripts that run the web app share: a directory to work in, the server, its admin requests and its load.
#
# BUILD is the build directory, CC the compiler, RELEASE_CFLAGS what the web app was compiled with.
# shellcheck shell=bash

set -euo pipefail

webapp_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${BUILD:?run this by make}" "${CC:=gcc}" "${RELEASE_CFLAGS:=-std=gnu11 -O2 -g}"
hotfix=${HOTFIX:-$BUILD/hotfix}
webapp=$BUILD/examples/webapp
query='/price?amount=199.99&percent=15'
wrong=170.14
right=169.99
work=$(mktemp -d "${TMPDIR:-/tmp}/hotfix-webapp.XXXXXX")
server=
load=

finish() {
    [ -z "$load" ] || kill "$load" 2>/dev/null || true
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

fail() {
    printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
    exit 1
}

# Waits for the first line of a file and prints it.
first_line() {
    local waited
    for ((waited = 0; waited < 200; waited++)); do
        if [ -s "$1" ] && [ "$(wc -l <"$1")" -gt 0 ]; then
            head -n 1 "$1"
            return
        fi
        sleep 0.05
    done
    fail "nothing came in ten seconds: $(cat "$work"/*.err)"
}

# admin METHOD PATH [CURL-OPTION...]: an admin request; its answer is left in answer.json. Where the machine has so much
# else to do that a thread does not stop in time (error 16, HOTFIX_BUSY), nothing was changed, and it is tried again.
admin() {
    local method=$1 path=$2 status try
    shift 2
    for ((try = 0; try < 50; try++)); do
        status=$(curl -sS -o answer.json -w '%{http_code}' -X "$method" -H "@$work/authorization" "$@" \
            "http://127.0.0.1:$port$path")
        printf '%s %s: %s\n' "$method" "$path" "$status"
        [ "$status" != 200 ] || return 0
        [ "$(jq .error.code answer.json)" = 16 ] || break
    done
    fail "the server refused: $(jq -r .error.message answer.json)"
}

# The server, as released, with four worker threads; sets $port.
start_server() {
    (umask 077 && od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >token && echo >>token &&
        printf 'Authorization: Bearer %s\n' "$(cat token)" >authorization)
    "$webapp" --token token --trust engineer.pub --threads 4 >server.out 2>server.err &
    server=$!
    listening=$(first_line server.out)
    port=${listening##*:}
}

stop_server() {
    kill "$server"
    wait "$server" || fail "the server did not end as it should: $(cat server.err)"
    server=
}

# Eight connections that ask without a break.
start_load() {
    "$BUILD/examples/load" "$port" "$query" 8 "$wrong" "$right" >load.out 2>load.err &
    load=$!
}

# Sets $result, what the load says of itself.
stop_load() {
    kill "$load"
    wait "$load" || true
    load=
    # shellcheck disable=SC2034 # for the caller
    result=$(tail -n 1 load.out)
}

# build_fix RUN...: patch.so and discount-1.hotfix, each command by RUN.
build_fix() {
    local sections="-ffunction-sections -fdata-sections"
    # shellcheck disable=SC2086 # words
    {
        "$@" "$CC" $RELEASE_CFLAGS $sections -c -o old.o "$webapp_dir/discount.c"
        "$@" "$CC" $RELEASE_CFLAGS $sections -I"$webapp_dir" -c -o new.o "$webapp_dir/fixed/discount.c"
    }
    "$@" "$hotfix" build --target "$webapp" --old old.o --new new.o -o patch.so
    "$@" "$hotfix" pack --target "$webapp" --patch patch.so --key engineer.key --name discount --version 1 \
        --description "rounds the discount to the cent" -o discount-1.hotfix
}
