#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The life of a fix, on the web app beside this script: it serves wrong prices, is fixed while a load generator keeps
# asking, and is put back. `make demo` builds what is needed and runs this.
#
# BUILD is the build directory, CC the compiler, RELEASE_CFLAGS what the web app was compiled with.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
: "${BUILD:?run this as 'make demo'}" "${CC:=gcc}" "${RELEASE_CFLAGS:=-std=gnu11 -O2 -g}"
hotfix=$BUILD/hotfix
webapp=$BUILD/examples/webapp
query='/price?amount=199.99&percent=15'
wrong=170.14
right=169.99
work=$(mktemp -d "${TMPDIR:-/tmp}/hotfix-demo.XXXXXX")
server=
load=

finish() {
    [ -z "$load" ] || kill "$load" 2>/dev/null || true
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

say() {
    printf '\n== %s\n' "$*"
}

fail() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

# Prints a command, and runs it.
show() {
    printf '$'
    printf ' %q' "$@" | sed "s|$BUILD/||g; s|$here/||g"
    printf '\n'
    "$@"
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

# price WANTED: asks the server once and shows what it says.
price() {
    local answer
    answer=$(curl -sS --fail "http://127.0.0.1:$port$query")
    printf 'GET %s\n%s\n' "$query" "$answer"
    [ "$(jq -r .price <<<"$answer")" = "$1" ] || fail "the price is not $1"
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

functions() {
    jq -r '.functions[] | "  \(.name) (\(.source)): \(.old_address) -> \(.new_address)"' answer.json
}

cd "$work"

say "A release engineer's key; production trusts its public half"
show "$hotfix" keygen engineer

say "The server, as released, with four worker threads"
(umask 077 && od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >token && echo >>token &&
    printf 'Authorization: Bearer %s\n' "$(cat token)" >authorization)
"$webapp" --token token --trust engineer.pub --threads 4 >server.out 2>server.err &
server=$!
listening=$(first_line server.out)
port=${listening##*:}
echo "$listening"
price "$wrong"

say "Load: eight connections that ask without a break"
"$BUILD/examples/load" "$port" "$query" 8 "$wrong" "$right" >load.out 2>load.err &
load=$!
first_line load.out

say "The fix becomes a patch, the patch a signed bundle"
diff -u --label discount.c --label fixed/discount.c "$here/discount.c" "$here/fixed/discount.c" || true
# shellcheck disable=SC2086 # words
{
    sections="-ffunction-sections -fdata-sections"
    show "$CC" $RELEASE_CFLAGS $sections -c -o old.o "$here/discount.c"
    show "$CC" $RELEASE_CFLAGS $sections -I"$here" -c -o new.o "$here/fixed/discount.c"
}
show "$hotfix" build --target "$webapp" --old old.o --new new.o -o patch.so
show "$hotfix" pack --target "$webapp" --patch patch.so --key engineer.key --name discount --version 1 \
    --description "rounds the discount to the cent" -o discount-1.hotfix
show "$hotfix" verify discount-1.hotfix --trust engineer.pub --target "$webapp"

say "Applied, while the load goes on"
admin POST /admin/apply --data-binary @discount-1.hotfix
functions
patched=$(jq '.functions | length' answer.json)
pause=$(jq .cost_ns.pause answer.json)
total=$(jq .cost_ns.total answer.json)
price "$right"
sleep 1

say "Reverted"
admin POST /admin/revert
functions
price "$wrong"
sleep 1

kill "$load"
wait "$load" || true
load=
kill "$server"
wait "$server" || fail "the server did not end as it should: $(cat server.err)"
server=
result=$(tail -n 1 load.out)
served=$(jq .served <<<"$result")
failed=$(jq .failed <<<"$result")

say "Result"
printf 'requests served    %s (%s at %s, %s at %s)\n' "$served" "$(jq ".prices[\"$wrong\"]" <<<"$result")" "$wrong" \
    "$(jq ".prices[\"$right\"]" <<<"$result")" "$right"
printf 'requests failed    %s\n' "$failed"
printf 'functions patched  %s\n' "$patched"
printf 'pause              %s us (of %s us that the apply took in all)\n' "$((pause / 1000))" "$((total / 1000))"

[ "$failed" = 0 ] || fail "requests failed"
[ "$patched" = 1 ] || fail "not one function was patched"
[ "$(jq ".prices[\"$right\"]" <<<"$result")" -gt 0 ] || fail "no request under load saw the right price"
