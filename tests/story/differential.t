#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Twenty random programs with random fixes do what the fixed programs do, or are refused; and those that once did not.
# `make differential` runs as many as ten minutes have room for.

. "$(dirname "$0")/lib.sh"

if [ -n "${SAN-}" ]; then
    echo "1..0 # SKIP the programs are not built with the sanitizers that their loader would need"
    exit 0
fi
run env HOTFIX="$HOTFIX" BUILD="$BUILD" TMPDIR="$SCRATCH" "$ROOT/tests/differential/run" --seed 2 --n 20 \
    --also 60102,60166,60211,60268,70026,70112,71091,71170
[ "$status" = 0 ] || cat "$OUT" "$ERR" | diagnose
ok "what is applied behaves as the program with the fix, before and after its revert" test "$status" = 0
ok "most of it is applied" test "$(sed -n 's/^28 programs.* \([0-9]*\) equal.*/\1/p' "$OUT")" -ge 8
run env HOTFIX="$HOTFIX" BUILD="$BUILD" TMPDIR="$SCRATCH" "$ROOT/tests/differential/classes" --seed 1 --n 4
[ "$status" = 0 ] || cat "$OUT" "$ERR" | diagnose
ok "so do random programs in C++" test "$status" = 0
finish
