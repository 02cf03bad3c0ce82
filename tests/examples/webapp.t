#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The example web server: what it answers, whom it lets patch it, and the demo as a whole.

. "$(dirname "$0")/../story/lib.sh"

source=$ROOT/examples/webapp
webapp=$BUILD/examples/webapp
server=
port=

stop_server() {
    [ -z "$server" ] || kill "$server" 2>/dev/null
    server=
}
trap 'stop_server; cd / && rm -rf "$SCRATCH"' EXIT

# Starts the server and learns its port.
start_server() {
    mkfifo server.out
    "$webapp" --token token --trust engineer.pub --threads 4 >server.out 2>server.err &
    server=$!
    local listening
    read -r listening <server.out
    port=${listening##*:}
}

# request METHOD PATH [CURL-OPTION...]: prints the status; the answer goes to $OUT.
request() {
    local method=$1 path=$2
    shift 2
    curl -sS -o "$OUT" -w '%{http_code}' -X "$method" "$@" "http://127.0.0.1:$port$path"
}

# admin METHOD PATH [CURL-OPTION...]: the same with the right token. On a busy machine a thread may not stop in time
# (HOTFIX_BUSY); then nothing was done, and it is asked again.
admin() {
    local try status
    for ((try = 0; try < 50; try++)); do
        status=$(request "$@" -H "Authorization: Bearer $token")
        [ "$status $(json .error.code)" = "409 16" ] || break
    done
    printf '%s' "$status"
}

price() {
    request GET '/price?amount=199.99&percent=15' >/dev/null && json .price
}

token=0123456789abcdef0123456789abcdef
(umask 077 && echo "$token" >token)
hotfix keygen engineer >/dev/null
hotfix keygen stranger >/dev/null

(umask 077 && echo short >short)
echo "$token" >open
expect 1 "webapp: token file short: its first line is not a token of 16 to 255 characters" \
    "a short token is refused" "$webapp" --token short --trust engineer.pub
expect 1 "webapp: token file open: others than its owner may use it: chmod 600 it" \
    "a token file that others may read is refused" "$webapp" --token open --trust engineer.pub
expect 1 "webapp: token file nothing: No such file or directory" \
    "a missing token file is refused" "$webapp" --token nothing --trust engineer.pub
expect 2 "usage: webapp --token FILE --trust KEYS [--port N] [--threads N]" "a missing trust store is a usage error" \
    "$webapp" --token token

start_server

is "a price that has no cents is right" \
    "$(request GET '/price?amount=200&percent=15' && json .price)" "200170.00"
is "a price that has some is wrong, as released" "$(price)" 170.14
for query in "" "?amount=1" "?percent=1" "?amount=x&percent=1" "?amount=1.234&percent=1" "?amount=1&percent=101" \
    "?amount=1&percent=-1" "?amount=99999999999999999999&percent=1" "?amount=&percent=1"; do
    is "/price$query is refused" "$(request GET "/price$query")" 400
done
is "an unknown path is not found" "$(request GET /nothing)" 404

is "without a token nothing can be applied" "$(request POST /admin/apply --data-binary bundle)" 401
is "with a wrong one neither" \
    "$(request POST /admin/apply --data-binary bundle -H "Authorization: Bearer ${token/0/1}")" 401
is "with the beginning of the right one neither" \
    "$(request POST /admin/apply --data-binary bundle -H "Authorization: Bearer ${token%?}")" 401
is "with the right one under another scheme neither" \
    "$(request POST /admin/apply --data-binary bundle -H "Authorization: Basic $token")" 401
is "without a token nothing is listed" "$(request GET /admin/patches)" 401
is "without a token nothing is reverted" "$(request POST /admin/revert)" 401
is "an unknown admin request is not found" "$(admin POST /admin/nothing)" 404
is "applying by GET is not found" "$(admin GET /admin/apply)" 404

is "bytes that are no bundle are refused" "$(admin POST /admin/apply --data-binary bundle) $(json .ok)" "409 false"
is "an empty body is refused" "$(admin POST /admin/apply) $(json .ok)" "409 false"
head -c 67108865 /dev/zero >large
is "a body over the limit is refused" "$(admin POST /admin/apply --data-binary @large)" 413
rm large

# shellcheck disable=SC2086 # words
"$CC" $RELEASE_CFLAGS -fPIC -shared -I"$source" -o patch.so "$source/fixed/discount.c"
pack() {
    hotfix pack --target "$webapp" --patch patch.so --func calc_discount --name discount --version 1 "$@" >/dev/null
}
ok "the fix can be packed" pack --key engineer.key -o good
ok "so can one by a key that the server does not trust" pack --key stranger.key -o strange

is "a bundle by an unknown key is refused" "$(admin POST /admin/apply --data-binary @strange) $(json .error.code)" "409 4"
is "the price is as before" "$(price)" 170.14
is "there is nothing to revert" "$(admin POST /admin/revert) $(json .error.code)" "409 13"
is "a bundle by the engineer is applied" "$(admin POST /admin/apply --data-binary @good) $(json .ok)" "200 true"
is "the answer names the function" "$(json .functions.0.name)" calc_discount
ok "the answer gives its costs" test "$(json .cost_ns.total)" -gt "$(json .cost_ns.pause)"
id=$(json .id)
is "the price is right" "$(price)" 169.99
is "it is listed" "$(admin GET /admin/patches) $(json .patches.0.id) $(json .patches.0.name)" "200 $id discount"
is "the same bundle is refused" "$(admin POST /admin/apply --data-binary @good) $(json .error.code)" "409 12"
is "reverting another id is refused" \
    "$(admin POST "/admin/revert?id=00000000000000000000000000000000") $(json .error.code)" "409 13"
is "the price is still right" "$(price)" 169.99
is "it is reverted by its id" "$(admin POST "/admin/revert?id=$id") $(json .ok)" "200 true"
is "the price is wrong again" "$(price)" 170.14
is "nothing is listed" "$(admin GET /admin/patches) $(json .patches)" "200 "
is "it can be applied once more" "$(admin POST /admin/apply --data-binary @good) $(price)" "200 169.99"

kill -TERM "$server"
wait "$server"
is "the server ends well and has said nothing" "$? $(cat server.err)" "0 "
server=

run "$source/demo.sh"
is "the demo succeeds" "$status $(cat "$ERR")" "0 "
is "the demo shows the wrong price, the right one and the wrong one" \
    "$(sed -n 's/.*"price": "\(.*\)".*/\1/p' "$OUT" | xargs)" "170.14 169.99 170.14"
is "the demo loses no request" "$(sed -n 's/^requests failed *//p' "$OUT")" 0
ok "the demo serves requests" test "$(sed -n 's/^requests served *\([0-9]*\).*/\1/p' "$OUT")" -gt 0
is "the demo patches one function" "$(sed -n 's/^functions patched *//p' "$OUT")" 1
ok "the demo says how long threads stood still" grep -qE '^pause +[0-9]+ us' "$OUT"

finish
