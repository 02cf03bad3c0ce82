# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What happens in the emulated machine is told as it happened: a failure, a crash, a panic, a hang, none of which passes.
#
#     BUILD=build/arm64-system tests/run tests/arm64/system.t

. "$(dirname "$0")/../story/lib.sh"

SYSTEM=$ROOT/tests/arm64/system
# The machine sees the build directory, not the working directory.
PROGRAMS=$BUILD/system.t
RESULTS=$SCRATCH/results
rm -rf "$PROGRAMS" && mkdir -p "$PROGRAMS"

# program NAME SCRIPT
program() {
    printf '#!/bin/bash\n%s\n' "$2" >"$PROGRAMS/$1"
    chmod +x "$PROGRAMS/$1"
}

told() {
    run "$SYSTEM" told "$RESULTS" "$PROGRAMS/$1"
    is "$2: status" "$status" "$3"
}

# shellcheck disable=SC2016 # the program's own
program passes 'echo 1..1; echo ok 1 - "$(uname -m)" of "$(nproc)"'
program fails 'echo 1..1; echo not ok 1; exit 1'
program crashes 'echo 1..1; echo ok 1; kill -SEGV $$'
program hangs 'echo 1..1; echo ok 1; sleep 1000'
program panics 'echo 1..1; echo ok 1; echo c >/proc/sysrq-trigger; sleep 1000'
program comes_late 'echo 1..1; echo ok 1'

HOTFIX_MACHINE_LIMIT=5 run "$SYSTEM" boot "$BUILD/sysroot" "$BUILD" "$RESULTS" \
    "$PROGRAMS"/{passes,fails,crashes,hangs,panics,comes_late}
is 'a machine that panicked is turned off' "$status" 0
told passes 'a program that passes' 0
is 'it ran on arm64, on two cores' "$(cat "$OUT")" '1..1
ok 1 - aarch64 of 2'
told fails 'a program that fails' 1
told crashes 'a program that crashes' 139
told hangs 'a program that hangs' 124
told panics 'a program under which the kernel panics' 1
is 'what it had said is repeated' "$(cat "$OUT")" '1..1
ok 1'
is 'that it did not end is said' "$(cat "$ERR")" \
    "system: panics did not end: $RESULTS/console has the kernel's words"
ok 'the kernel tells of its panic' grep -q 'Kernel panic' "$RESULTS/console"
told comes_late 'a program that was not reached' 1

HOTFIX_MACHINE_SECONDS=15 run "$SYSTEM" boot "$BUILD/sysroot" "$BUILD" "$RESULTS" "$PROGRAMS/hangs"
is 'a machine that takes too long fails' "$status" 1
ok 'and is said to' grep -qF 'the machine was turned off after 15 seconds' "$ERR"
told hangs 'what it was at' 1

rm -rf "$PROGRAMS"
finish
