#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A security fix of a real program, end to end. `make corpus` runs them all.

. "$(dirname "$0")/lib.sh"

plan() {
    echo "1..0 # SKIP $1"
    exit 0
}

[ -z "${SAN-}" ] || plan "the program is not built with the sanitizers that its loader would need"
mkdir -p "$BUILD/corpus"
# Debian builds its packages with gcc.
run env CC=gcc CORPUS_WORK="$BUILD/corpus/check" "$ROOT/tests/corpus/redis.sh" 0006-CVE-2025-32023.patch
[ "$status" = 77 ] && plan "$(tail -n 1 "$ERR")"
[ "$status" = 0 ] || cat "$OUT" "$ERR" | diagnose
ok "a fix of redis is built, applied under load and reverted" test "$status" = 0
is "the test that it brings fails without it and passes with it" "$(grep -c 'applied, its test says so' "$OUT")" 1
finish
