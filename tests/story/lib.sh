# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every story shares: TAP output, a scratch directory that is the working directory and goes away at the end, and
# the command under test. Run as `BUILD=build prove tests/story`.
#
#   expect STATUS STDERR CLAIM COMMAND...   one test: exit status and standard error are exactly these
#   run COMMAND...                          sets $status, leaves standard output in $OUT and standard error in $ERR
#   ok CLAIM COMMAND...                     one test: the command succeeds
#   is CLAIM GOT WANTED                     one test: two texts are equal
#   json PATH                               prints a member of the JSON object in $OUT: json .error.code
#   finish                                  last line of a story

set -u
export LC_ALL=C

STORY=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$STORY/../.." && pwd)
BUILD=$(cd "${BUILD:-$ROOT/build}" && pwd) || exit 1
# Where the libhotfix is that programs of a story link: without sanitizers, which only programs with sanitizers could.
# shellcheck disable=SC2034
LIBRARY=${LIBRARY:-$BUILD}
HOTFIX=${HOTFIX:-$BUILD/hotfix}
CC=${CC:-cc}
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/hotfix-story.XXXXXX")
OUT=$SCRATCH/.stdout
ERR=$SCRATCH/.stderr
tests=0
failures=0
status=0

trap 'cd / && rm -rf "$SCRATCH"' EXIT
trap 'exit 130' INT TERM
cd "$SCRATCH" || exit 1
umask 022
unset SOURCE_DATE_EPOCH

hotfix() {
    "$HOTFIX" "$@"
}

run() {
    "$@" >"$OUT" 2>"$ERR" </dev/null
    status=$?
}

# TAP wants a diagnostic behind '#' on each of its lines.
diagnose() {
    sed 's/^/#   /' >&2
}

result() {
    tests=$((tests + 1))
    if [ "$1" = 0 ]; then
        echo "ok $tests - $2"
        return 0
    fi
    echo "not ok $tests - $2"
    failures=$((failures + 1))
    return 1
}

ok() {
    local claim=$1
    shift
    "$@"
    result $? "$claim" || printf 'failed: %s\n' "$*" | diagnose
}

is() {
    [ "$2" = "$3" ]
    result $? "$1" || printf 'got:    %s\nwanted: %s\n' "$2" "$3" | diagnose
}

expect() {
    local wanted_status=$1 wanted_error=$2 claim=$3
    shift 3
    run "$@"
    [ "$status" = "$wanted_status" ] && [ "$(cat "$ERR")" = "$wanted_error" ]
    result $? "$claim" || {
        printf 'ran:    %s\nstatus: %s, wanted %s\n' "$*" "$status" "$wanted_status"
        printf 'stderr: %s\nwanted: %s\n' "$(cat "$ERR")" "$wanted_error"
    } | diagnose
}

json() {
    perl -MJSON::PP -0777 -e '
        my $value = eval { decode_json(<STDIN>) };
        die "not JSON\n" unless ref $value eq "HASH";
        for my $key (grep { length } split /\./, shift) {
            $value = ref $value eq "ARRAY" ? $value->[$key] : $value->{$key};
        }
        binmode STDOUT, ":utf8";
        print ref $value eq "ARRAY" ? join(" ", @$value) : JSON::PP::is_bool($value) ? ($value ? "true" : "false")
            : defined $value ? $value : "null";' "$1" <"$OUT"
}

finish() {
    echo "1..$tests"
    [ "$failures" = 0 ]
    exit
}

# C that makes a program one whose functions have no room behind them: padding may be room for tracers.
# shellcheck disable=SC2034 # for the stories
NO_ROOM='__asm__(".pushsection __patchable_function_entries, \"aw\"\n.quad 0\n.popsection");'

# A target, and patch.so that replaces its function discount().
make_target() {
    cat >target.c <<'SOURCE'
struct order {
    int quantity;
    int price;
};

__attribute__((noinline)) int discount(const struct order *order)
{
    int total = order->quantity * order->price;
    return order->quantity > 10 ? total / 2 : total - 1;
}

__attribute__((noinline)) static int shipping(struct order order, int express)
{
    int cost = order.quantity * 3 + (express ? 17 : 4);
    return cost > 100 ? 100 : cost + order.price % 7;
}

int ship(struct order order, int express)
{
    return shipping(order, express);
}
SOURCE
    cat >target_main.c <<'SOURCE'
#include <stdio.h>

struct order {
    int quantity;
    int price;
};
int discount(const struct order *order), ship(struct order order, int express);

/* In a file of its own: what a compiler knows of a function it uses in callers of the same file. */
int main(int argc, char **argv)
{
    struct order order = {argc, argv[0][0]};
    printf("%d %d\n", discount(&order), ship(order, argc));
    return 0;
}
SOURCE
    cat >patch.c <<'SOURCE'
struct order {
    int quantity;
    int price;
};

int discount(const struct order *order);

int discount(const struct order *order)
{
    int total = order->quantity * order->price;
    return order->quantity > 10 ? total - total / 10 : total;
}
SOURCE
    "$CC" -O2 -g -Wl,--build-id=sha1 -o target target.c target_main.c &&
        "$CC" -O2 -g -fPIC -shared -Wl,--build-id=sha1 -o patch.so patch.c
}

# Bundles made without `hotfix pack`, so that they can be wrong in ways that it would not let through:
#   make_stamped [ID] [VERSION]    stamped.so, a patch.so that carries the stamp
#   make_manifest                  manifest.ini for target and stamped.so; change it with sed as wanted
#   seal FILE KEY...               the bundle of manifest.ini and stamped.so
ID=00112233445566778899aabbccddeeff

make_stamped() {
    local id=${1:-$ID} version=${2:-1.0}
    {
        printf '.section .note.hotfix, "a", @note\n.balign 4\n.long 7, %d, 1\n.asciz "hotfix"\n.balign 4\n.byte ' \
            $((16 + ${#version} + 1))
        sed 's/../0x&,/g; s/,$//' <<<"$id"
        printf '.asciz "%s"\n.balign 4\n.section .note.GNU-stack, "", @progbits\n' "$version"
    } >stamp.s
    "$CC" -O2 -g -fPIC -shared "-Wl,-soname,libhotfix-patch-$id.so" -o stamped.so patch.c stamp.s
}

# symbol FILE NAME: "OFFSET SIZE SHA256" of a function, from binutils.
symbol() {
    local value size address offset
    read -r value size < <(nm -S "$1" | awk -v name="$2" '$4 == name { print $1, $2 }')
    read -r address offset < <(readelf -SW "$1" | sed -n 's/.* \.text *PROGBITS *\([0-9a-f]*\) \([0-9a-f]*\) .*/\1 \2/p')
    printf '%#x %d ' "0x$value" "0x$size"
    tail -c +$((0x$value - 0x$address + 0x$offset + 1)) "$1" | head -c $((0x$size)) | sha256sum | cut -c 1-64
}

# Makes the manifest's payload size and digest those of stamped.so.
refresh_payload() {
    sed -i "/^\[payload\]/,/^\[check/{s/^size = .*/size = $(stat -c %s stamped.so)/
        s/^sha256 = .*/sha256 = $(sha256sum stamped.so | cut -c 1-64)/}" manifest.ini
}

make_manifest() {
    local offset size digest replacement replacement_size skip=0
    read -r offset size digest < <(symbol target discount)
    read -r replacement replacement_size _ < <(symbol stamped.so discount)
    objdump -d --disassemble=discount target | grep -q endbr64 && skip=4
    cat >manifest.ini <<MANIFEST
[hotfix]
format = 1

[bundle]
name = discount
version = 1.0
id = $ID
created = 2026-01-02T03:04:05Z
advisory = CVE-2026-0001 CVE-2026-0002
description = takes ten percent off, not half

[target]
name = target
build-id = $(readelf -nW target | sed -n 's/.*Build ID: //p')
arch = $(uname -m)

[compiler]
producer = GNU C17
flags = -O2

[payload]
size = 1
sha256 = 0
soname = libhotfix-patch-$ID.so

[check.1]
id = compiler
verdict = compatible
evidence = GNU C17 on both sides

[check.2]
id = flags
verdict = unproven
evidence = the patch does not say
waiver = built by hand

[function.1]
name = discount
source = target.c
offset = $offset
size = $size
sha256 = $digest
replacement = $replacement
replacement-size = $replacement_size
detour-skip = $skip
MANIFEST
    refresh_payload
}

seal() {
    local file=$1
    shift
    perl "$STORY/seal.pl" manifest.ini stamped.so "$@" >"$file"
}
