#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A program in a PID namespace of its own that sees the outer /proc: what is there under its number is another process,
# which has put a library of its own where the patch would be looked for.
. "$(dirname "$0")/lib.sh"

skip() {
    echo "ok 1 - a program loads its own files # SKIP $1"
    tests=1
    finish
}
[ -z "${SAN-}" ] || skip "sanitizers read /proc themselves"
# The number of the process in there can be chosen where the kernel lets one say what the last one was.
inside() {
    # shellcheck disable=SC2016 # the inner shell expands it
    unshare --pid --fork --kill-child bash -c 'echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid && shift && { "$@" & wait $!; }' - "$@"
}
inside 4000 bash -c '[ $$ = 4000 ]' 2>/dev/null || skip "namespaces cannot be made here, or numbers not chosen"

cat >shop.c <<'SOURCE'
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

    options.trust = "trust";
    options.staging = argc > 2 ? argv[2] : NULL;
    if (hotfix_open(&options, &hotfix, &error) != 0)
        return printf("%s\n", error.message), 1;
    if (hotfix_apply(hotfix, argv[1], &result) != 0)
        printf("%s\n", result.error.message);
    /* No direct call: a compiler would fit it to what it knows of the function. */
    int (*volatile called)(int value) = fee;
    return printf("fee is %d\n", called(2)), 0;
}
SOURCE
cat >fix.c <<'SOURCE'
#include <fcntl.h>
#include <unistd.h>

int fee(int value)
{
    return value * 9 / 3 + 1;
}

int hotfix_on_apply(void);
int hotfix_on_apply(void)
{
    close(open("hook", O_CREAT | O_WRONLY, 0600));
    return 0;
}
SOURCE
# The other process: under every number there is its library.
cat >plant.c <<'SOURCE'
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    int fd = open("evil.so", O_RDONLY);
    for (int i = 3; i < 64; i++)
        dup2(fd, i);
    puts("ready");
    fflush(stdout);
    pause();
    return 0;
}
SOURCE
cat >evil.c <<'SOURCE'
#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor)) static void spring(void)
{
    close(open("sprung", O_CREAT | O_WRONLY, 0600));
}
SOURCE
record=''
case $($CC --version) in *clang*) record=-grecord-command-line ;; esac
# shellcheck disable=SC2086
{
    $CC -O2 -g $record -Wl,--build-id -I"$ROOT/loader" -I"$ROOT/manifest" -o shop shop.c \
        -L"$LIBRARY" -l:libhotfix.a -lcrypto &&
        $CC -O2 -g $record -fPIC -shared -o fix.so fix.c && $CC -o plant plant.c && $CC -fPIC -shared -o evil.so evil.c
} || exit 1
hotfix keygen release >/dev/null && mkdir -m 755 trust staging && cp release.pub trust/ || exit 1
hotfix pack --target shop --patch fix.so --func fee --accept-flags "made by hand" --name fee --version 1 \
    --key release.key -o good >/dev/null 2>"$ERR" || {
    diagnose <"$ERR"
    exit 1
}

run ./shop good
is "a program that sees its own /proc is patched" "$status $(cat "$OUT")" "0 fee is 7"
ok "and its hook runs" rm hook
./plant >ready &
plant=$!
trap 'kill $plant 2>/dev/null; cd / && rm -rf "$SCRATCH"' EXIT
until [ -s ready ]; do sleep 0.05; done

refusal() {
    sed -n 's/(it says .*, not .*)/(it says ..., not ...)/; s/^.*cannot list/cannot list/; p' "$OUT"
}
wanted="cannot list the threads: /proc is of another PID namespace (it says ..., not ...); mount the process's own
fee is 5"
run inside $plant ./shop good
is "one that sees another namespace's is not" "$(refusal)" "$wanted"
ok "the other process's library is not loaded" test ! -e sprung
run inside $plant ./shop good staging
is "with a staging directory neither" "$(refusal)" "$wanted"
ok "nothing of the patch runs" test ! -e hook -a ! -e sprung
ok "and nothing is staged" test -z "$(ls staging)"
kill $plant
# A directory that answers as /proc would: its owner decides what is under the number of a descriptor.
# shellcheck disable=SC2016 # the inner shell expands it
run unshare --mount bash -c 'mount -t tmpfs none /proc && ln -s $$/task/$$ /proc/thread-self && exec ./shop good'
is "one that sees another file system there is not" "$(refusal)" "/proc is not the proc file system; mount it there
fee is 5"
ok "and runs nothing of the patch" test ! -e hook

finish
