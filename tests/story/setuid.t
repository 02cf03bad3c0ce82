#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A setuid program that is patched: nothing in its caller's environment or hands has a say in what is trusted.
. "$(dirname "$0")/lib.sh"

skip() {
    echo "ok 1 - a setuid program goes its own way # SKIP $1"
    tests=1
    finish
}
[ "$(id -u)" = 0 ] || skip "only root can make one"
[ -z "${SAN-}" ] || skip "sanitizers do not run in one"
case $(findmnt -no OPTIONS -T "$SCRATCH") in *nosuid*) skip "there are none on this file system" ;; esac

nobody=65534
chmod 711 "$SCRATCH"
mkdir lair && chown $nobody lair
{
    printf '#define TRUST "%s"\n' "$SCRATCH/trust"
    cat <<'SOURCE'
#include <hotfix.h>
#include <stdio.h>

__attribute__((noinline)) int fee(int value)
{
    return value * 7 / 3 + 1;
}

int main(int argc, char **argv)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix_error error;
    struct hotfix *hotfix;

    options.trust = argc == 3 ? argv[2] : TRUST;
    if (hotfix_open(&options, &hotfix, &error) != 0)
        return printf("%s\n", error.message), 1;
    if (hotfix_apply(hotfix, argv[1], &result) != 0)
        return printf("%s\n", result.error.message), 1;
    /* No direct call: a compiler would fit it to what it knows of the function. */
    int (*volatile called)(int value) = fee;
    return printf("fee is %d\n", called(argc)), 0;
}
SOURCE
} >shop.c
cat >fix.c <<'SOURCE'
int fee(int value)
{
    return value * 9 / 3 + 1;
}
SOURCE
# The module of a provider that the caller's configuration would have libcrypto load.
cat >trap.c <<'SOURCE'
#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor)) static void spring(void)
{
    close(open(MARK, O_CREAT | O_WRONLY, 0600));
}
SOURCE
record=''
case $($CC --version) in *clang*) record=-grecord-command-line ;; esac
# shellcheck disable=SC2086
{
    $CC -O2 -g $record -Wl,--build-id -I"$ROOT/loader" -I"$ROOT/manifest" -o shop shop.c \
        -L"$LIBRARY" -l:libhotfix.a -lcrypto &&
        $CC -O2 -g $record -fPIC -shared -o fix.so fix.c &&
        $CC -fPIC -shared -DMARK="\"$SCRATCH/lair/sprung\"" -o lair/trap.so trap.c
} || exit 1
printf '%s\n' 'openssl_conf = all' '[all]' 'providers = list' '[list]' 'trap = trap' '[trap]' \
    "module = $SCRATCH/lair/trap.so" 'activate = 1' >lair/openssl.cnf

hotfix keygen release >/dev/null && hotfix keygen stranger >/dev/null || exit 1
mkdir trust && cp release.pub trust/
mkdir lair/trust && cp stranger.pub lair/trust/ && chown -R $nobody lair
pack() {
    hotfix pack --target shop --patch fix.so --func fee --accept-flags "made by hand" --name fee "$@" >/dev/null 2>"$ERR" || {
        diagnose <"$ERR"
        exit 1
    }
}
pack --version 1 --key release.key -o good
pack --version 2 --key stranger.key -o strange
SOURCE_DATE_EPOCH=1000000000 pack --version 3 --key release.key --expires 2001-12-31 -o expired
chmod 644 good strange expired

# The caller does what it can. LD_PRELOAD and LD_AUDIT are not among it: they would spring the trap in env and setpriv.
as_nobody() {
    run setpriv --reuid $nobody --regid $nobody --clear-groups env OPENSSL_CONF="$SCRATCH/lair/openssl.cnf" \
        OPENSSL_MODULES="$SCRATCH/lair" LD_LIBRARY_PATH="$SCRATCH/lair" SOURCE_DATE_EPOCH=1000000001 \
        TMPDIR="$SCRATCH/lair" HOME="$SCRATCH/lair" TZ="$SCRATCH/lair/openssl.cnf" "$@"
}
says() {
    is "$1" "$status $(cat "$OUT")" "$2"
}
run env OPENSSL_CONF="$SCRATCH/lair/openssl.cnf" ./shop good
ok "the trap springs in a program that is not setuid" test -e lair/sprung
rm -f lair/sprung

cp shop private && chmod 4755 private
as_nobody ./private good
says "a setuid program is patched by its own trust" "0 fee is 7"
ok "and loads nothing for its caller" test ! -e lair/sprung
as_nobody ./private strange
says "what another key signed is refused" "1 bundle strange: signed only by keys that are not in the trust store (key id $(
    openssl pkey -pubin -in stranger.pub -outform DER | tail -c 32 | sha256sum | cut -c 1-32
))"
as_nobody ./private expired
says "the time is not the caller's" "1 bundle expired: the bundle expired on 2001-12-31T23:59:59Z"
as_nobody ./private strange "$SCRATCH/lair/trust"
says "a store in the caller's hands is refused" \
    "1 trust store $SCRATCH/lair: belongs to user $nobody; use one of this user or of root"
cp lair/trust/stranger.pub lair/other.pub
as_nobody ./private strange "$SCRATCH/lair/other.pub"
says "and so is a key that the caller could replace" \
    "1 trust store $SCRATCH/lair: belongs to user $nobody; use one of this user or of root"

finish
