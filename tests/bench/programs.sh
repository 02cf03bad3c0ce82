# SPDX-License-Identifier: Apache-2.0
# Real programs as benchmarks take them, built once, and how commands are measured.
# shellcheck shell=bash

set -euo pipefail

# shellcheck source=tests/corpus/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../corpus/lib.sh"
# shellcheck disable=SC2034 # for those that measure
rounds=${BENCH_ROUNDS:-25}

# build_redis DIR [FLAGS]: redis-server and its objects, compiled as a release is and with more flags.
build_redis() {
    local settings="BUILD_TLS=yes USE_SYSTEM_JEMALLOC=yes USE_JEMALLOC=yes USE_SYSTEMD=no"
    # shellcheck disable=SC2086 # words
    CFLAGS="$CFLAGS ${2-}" make -C "$1/src" -j"$jobs" V=1 $settings redis-server >"$1.log" 2>&1 ||
        die "redis does not build: see $1.log"
}

# In $work: redis-server's release, and its sources before and after a fix of one file with the section flags.
prepare_redis() {
    local fix=0006-CVE-2025-32023.patch patch
    work=$BUILD/bench/redis
    [ -f "$work/ready" ] && return
    rm -rf "$work"
    fetch redis
    unpack redis "$work/release"
    while read -r patch && [ "$patch" != "$fix" ]; do
        apply_patch "$work/release" "$patch" || die "$patch does not apply: see $work/patch.log"
    done < <(patches "$work/release")
    cp -a "$work/release" "$work/old"
    build_redis "$work/release"
    build_redis "$work/old" "-ffunction-sections -fdata-sections"
    cp -a "$work/old" "$work/new"
    apply_patch "$work/new" "$fix" || die "$fix does not apply: see $work/patch.log"
    build_redis "$work/new" "-ffunction-sections -fdata-sections"
    : >"$work/ready"
}

# In $work: PostgreSQL's server, the same with some functions changed, and the patch between them.
prepare_postgres() {
    local source=src/backend/utils/adt/int.c
    work=$BUILD/bench/postgres
    [ -f "$work/ready" ] && return
    rm -rf "$work"
    fetch postgresql-15
    unpack postgresql-15 "$work/release"
    (cd "$work/release" && ./configure --without-readline --without-zlib CFLAGS="-g -O2" CPPFLAGS= LDFLAGS= &&
        make -j"$jobs" -C src/backend) >"$work/make.log" 2>&1 || die "postgres does not build: see $work/make.log"
    sed 's/smallint out of range/smallint is out of range/' "$work/release/$source" |
        diff -u --label "a/$source" --label "b/$source" "$work/release/$source" - >"$work/fix.patch" || true
    "$hotfix" build --target "$work/release/src/backend/postgres" --source "$work/release" --patch "$work/fix.patch" \
        --make "make -j$jobs -C src/backend" --work "$work/build" -o "$work/patch.so" >"$work/build.log" 2>&1 ||
        die "the patch of postgres is not built: see $work/build.log"
    cp "$work/build/tree.after/src/backend/postgres" "$work/fixed"
    : >"$work/ready"
}

# median COUNT COMMAND...: of its wall clock and processor time, in milliseconds, after one run that warms the caches.
median() {
    local TIMEFORMAT='%3R %3U %3S' count=$1 i
    shift
    "$@" >"$work/run.log" 2>&1 || true # abidiff's status says what it found
    for ((i = 0; i < count; i++)); do
        { time "$@" >>"$work/run.log" 2>&1; } 2>&1 || true
    done | awk '{ print $1 * 1000, ($2 + $3) * 1000 }' | sort -n |
        awk '{ wall[NR] = $1; used[NR] = $2 } END { m = int((NR + 1) / 2); print wall[m], used[m] }'
}

# peak COMMAND...: KiB that it had resident at most.
peak() {
    { command time -f %M -o "$work/peak" "$@" >>"$work/run.log" 2>&1; } || true
    tail -n 1 "$work/peak"
}
