#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The life of a fix, on the web app beside this script: it serves wrong prices, is fixed while a load generator keeps
# asking, and is put back. `make demo` builds what is needed and runs this.

# shellcheck source=examples/webapp/lib.sh
. "$(dirname "$0")/lib.sh"

say() {
    printf '\n== %s\n' "$*"
}

# Prints a command, and runs it.
show() {
    printf '$'
    printf ' %q' "$@" | sed "s|$BUILD/||g; s|$webapp_dir/||g"
    printf '\n'
    "$@"
}

# price WANTED: asks the server once and shows what it says.
price() {
    local answer
    answer=$(curl -sS --fail "http://127.0.0.1:$port$query")
    printf 'GET %s\n%s\n' "$query" "$answer"
    [ "$(jq -r .price <<<"$answer")" = "$1" ] || fail "the price is not $1"
}

functions() {
    jq -r '.functions[] | "  \(.name) (\(.source)): \(.old_address) -> \(.new_address)"' answer.json
}

cd "$work"

say "A release engineer's key; production trusts its public half"
show "$hotfix" keygen engineer

say "The server, as released, with four worker threads"
start_server
echo "$listening"
price "$wrong"

say "Load: eight connections that ask without a break"
start_load
first_line load.out

say "The fix becomes a patch, the patch a signed bundle"
diff -u --label discount.c --label fixed/discount.c "$webapp_dir/discount.c" "$webapp_dir/fixed/discount.c" || true
build_fix show
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

stop_load
stop_server
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
