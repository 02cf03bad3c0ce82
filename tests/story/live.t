#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Checks against a running process: which build it has loaded, what its code is, who has diverted it, who is inside.
. "$(dirname "$0")/lib.sh"

# A server that does what it is told, a letter at a time, and answers with one line.
cat >shop.c <<'SOURCE'
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#ifdef APPLIES
#include <hotfix.h>
#endif

__attribute__((noinline, used)) int fee(int value)
{
    return value * 7 / 3 + 1;
}

__attribute__((noinline, used)) int tax(int value)
{
    return value * 19 / 100 + 5;
}

__attribute__((noinline, cold)) static void complain(int value)
{
    printf("too much: %d\n", value);
    fflush(stdout);
    getchar();
}

/* Compilers move what calls a cold function out of the way: gcc into guard.cold. */
__attribute__((noinline, used)) int guard(int value)
{
    if (value > 1000) {
        complain(value);
        value = 1000;
    }
    return value * 3 / 2 + 7;
}

static volatile unsigned turns;

__attribute__((noinline, used)) void turn(unsigned step)
{
    for (;;)
        turns += step;
}

static void *work(void *argument)
{
    prctl(PR_SET_NAME, "worker");
    turn(1);
    return argument;
}

static unsigned char saved[16];

static void change(unsigned char *at, const void *bytes, size_t size)
{
    unsigned char *page = (unsigned char *)((uintptr_t)at & ~(uintptr_t)4095);
    mprotect(page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC);
    memcpy(at, bytes, size);
    mprotect(page, 8192, PROT_READ | PROT_EXEC);
    __builtin___clear_cache((char *)at, (char *)at + size);
}

/* A jump from one function to another one behind its landing pad, as a tracer or another patcher makes it. */
static void divert(unsigned char *from, unsigned char *to)
{
#ifdef __aarch64__
    uint32_t jump = 0x14000000 | ((uint32_t)((to - from) / 4) & 0x3ffffff);
    change(from, &jump, 4);
#else
    unsigned char jump[5] = {0xe9};
    from += memcmp(from, "\xf3\x0f\x1e\xfa", 4) == 0 ? 4 : 0;
    int32_t distance = (int32_t)(to - from - 5);
    memcpy(jump + 1, &distance, 4);
    change(from, jump, 5);
#endif
}

#ifdef APPLIES
static const char *apply(void)
{
    static struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix *hotfix;
    options.trust = "release.pub";
    if (hotfix_open(&options, &hotfix, &result.error) != 0 || hotfix_apply(hotfix, "fix.hotfix", &result) != 0)
        return result.error.message;
    return "applied";
}
#endif

__attribute__((noinline, used)) int serve(int turn)
{
    static pthread_t thread;
    /* No direct calls: a compiler would fit them to what it knows of the functions. */
    int (*volatile called[])(int value) = {fee, tax, guard};
    int command;

    while ((command = getchar()) != EOF && command != 'q') {
        if (command == 'g')
            turn += called[2](2000) & 0;
        if (command == 'd')
            divert((unsigned char *)fee, (unsigned char *)tax);
        if (command == 'i')
            change((unsigned char *)fee + 8, "\xcc", 1);
        if (command == 'r')
            change((unsigned char *)fee, saved, sizeof(saved));
        if (command == 't')
            pthread_create(&thread, NULL, work, NULL);
        if (command == 'w')
            for (unsigned before = turns; before == turns;)
                ;
#ifdef APPLIES
        if (command == 'a')
            printf("%s ", apply());
#endif
        printf("%d\n", command == 'c' ? called[0](3) + called[1](0) : turn);
        fflush(stdout);
    }
    return turn + 1;
}

int main(int argc, char **argv)
{
    (void)argv;
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    memcpy(saved, (unsigned char *)fee, sizeof(saved));
    return serve(argc) & 1;
}
SOURCE
cat >good.c <<'SOURCE'
__attribute__((noinline, used)) int fee(int value)
{
    return value * 9 / 3 + 1;
}

__attribute__((noinline, used)) int tax(int value)
{
    return value * 20 / 100 + 5;
}

__attribute__((noinline, used)) int guard(int value)
{
    return value * 3 / 2 + 8;
}

__attribute__((noinline, used)) void turn(unsigned step)
{
    for (volatile unsigned turns = 0; turns < 1000000;)
        turns += step;
}

__attribute__((noinline, used)) int serve(int turn)
{
    return turn + 2;
}
SOURCE
sed 's/value \* 7/value * 8/' shop.c >later.c

record=''
case $($CC --version) in *clang*) record=-grecord-command-line ;; esac
# build FILE SOURCE OPTION...
build() {
    # shellcheck disable=SC2086 # words
    $CC -O2 -g $record -Wl,--build-id -pthread -o "$@"
}
{ build shop shop.c && build later later.c && build fix.so good.c -fPIC -shared; } || exit 1
hotfix keygen release >/dev/null

# start COMMAND...: a server in the background, its number in $server; tell LETTER: what it answers.
server=
start() {
    stop
    mkfifo orders answers
    "$@" <orders >answers &
    server=$!
    exec 3>orders 4<answers
    rm orders answers
    tell s >/dev/null
}
stop() {
    [ -z "$server" ] && return
    exec 3>&- 4<&-
    wait "$server"
    server=
}
tell() {
    local answer
    printf %s "$1" >&3
    read -r answer <&4
    echo "$answer"
}
trap 'stop; cd / && rm -rf "$SCRATCH"' EXIT

live() {
    run hotfix check --target "${target:-shop}" --patch fix.so --pid "$server" "$@"
}
# said CHECK: its verdict, and what it has found, with numbers that change taken out.
said() {
    awk -v id="$1" '/^[a-z]/ { inside = $2 == id; if (inside) print $1 }
        /^    [^ ]/ && inside && $1 != "to" { sub(/^ */, ""); print }' "$OUT" |
        sed "s/thread [0-9]*/thread N/; s/\b$server\b/PID/g; s/0x[0-9a-f]*/0xN/" | xargs -d '\n'
}

expect 2 "hotfix check: --pid 'init' is not the number of a process" "a process has a number" \
    hotfix check --target shop --patch fix.so --func fee --pid init
expect 5 "hotfix check: there is no process 2147483647" "a process that is not there" \
    hotfix check --target shop --patch fix.so --func fee --pid 2147483647
sh -c 'exit 0' &
gone=$!
wait "$gone"
expect 5 "hotfix check: there is no process $gone" "a process that has ended" \
    hotfix check --target shop --patch fix.so --func fee --pid "$gone"

start ./later
live --func fee
is "another build is incompatible" "$status $(said loaded | sed 's/[0-9a-f]\{40\}/ID/g; s|of /.*/|of |')" \
    "1 incompatible process PID (later) has not loaded the target, build ID"
mkdir new && cp later new/shop
start new/shop
live --func fee
is "it is named where it has the target's name" "$status $(said loaded | sed 's/[0-9a-f]\{40\}/ID/g; s|of /.*/|of |')" \
    "1 incompatible process PID (shop) has another build of shop loaded: ID, not ID"
is "and what cannot be told is not called compatible" "$(said code-bytes)" \
    "unproven cannot be told: the target is not loaded exactly once"

cp shop kept
start ./shop
live --func serve
is "a function on a stack is unproven" "$status $(said busy)" \
    "3 unproven serve (shop.c): it is on the stack of thread N (shop), where the old code goes on until it returns"
ok "the first thread is named by its number" grep -q "stack of thread $server (shop)" "$OUT"
live --func fee
is "a function that nobody is in is compatible" "$status $(sed -n '1s/:.*//p' "$OUT") $(said busy)" "0 compatible compatible"
is "a function that waits in its cold part" "$(tell g)" "too much: 2000"
live --func guard
is "is on the stack, too" "$(said busy)" \
    "unproven guard (shop.c): it is on the stack of thread N (shop), where the old code goes on until it returns"
tell g >/dev/null
tell t >/dev/null
tell w >/dev/null
live --func turn
is "a thread that runs is stopped, and seen" "$(said busy)" \
    "unproven turn (shop.c): it is on the stack of thread N (worker), where the old code goes on until it returns"
is "and goes on" "$(tell w) $(tell c)" "1 13"

# Somebody else traces the thread that runs.
cat >tracer.c <<'SOURCE'
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>

int main(int argc, char **argv)
{
    if (argc < 2 || ptrace(PTRACE_SEIZE, atoi(argv[1]), NULL, NULL) != 0)
        return 1;
    puts("traces");
    fflush(stdout);
    return getchar() == 'q';
}
SOURCE
$CC -o tracer tracer.c || exit 1
for task in /proc/"$server"/task/*; do
    [ "$(cat "$task/comm")" = worker ] && worker=${task##*/}
done
mkfifo ends traces
./tracer "$worker" <ends >traces &
tracer=$!
exec 5>ends 6<traces
read -r line <&6
live --func fee
is "a thread that cannot be looked at is not called compatible" "$line $status $(said busy)" \
    "traces 3 unproven the stack of thread N cannot be looked at: another process traces it (process $tracer)"
exec 5>&- 6<&-
wait "$tracer"
live --func fee
is "until it can be" "$status $(said busy)" "0 compatible"

tell i >/dev/null
live --func fee
is "a changed byte is incompatible" "$status $(said code-bytes)" \
    "1 incompatible fee (shop.c): its code in memory is not that of the file: at offset 8 there is 0xN"
live --func tax
is "of the function that has it, not of its neighbour" "$status $(said code-bytes)" "0 compatible"
tell r >/dev/null
live --func fee
is "until it is put back" "$status" 0

tell d >/dev/null
live --func fee
is "a foreign detour is incompatible" "$status $(said diverted | sed 's| in /.*/| in |')" \
    "1 incompatible fee (shop.c): it is diverted, by no bundle: a jump at its entry leads to 0xN in shop"
is "the rest of the code is what it was" "$(said code-bytes)" compatible
tell r >/dev/null
rm shop
target=kept live --func fee
is "a file that was deleted does no harm" "$status $(said loaded)" "0 compatible"
is "which is said" "$(run hotfix check --target kept --patch fix.so --pid "$server" --func fee --json; json .process.name)" shop
mv kept shop

hotfix pack --target shop --patch fix.so --func fee --key release.key --version 1 -o fix.hotfix >/dev/null || exit 1
expect 2 "hotfix check: a bundle is checked against a process: give --pid (see 'hotfix check --help')" \
    "a bundle needs a process" hotfix check fix.hotfix
expect 2 "hotfix check: give a bundle, or target, patch and picks, not both" "a bundle has its functions" \
    hotfix check fix.hotfix --pid "$server" --func fee
run hotfix check fix.hotfix --pid "$server"
is "a bundle can be checked, without its target's file" "$status $(head -1 "$OUT")" \
    "0 compatible: 4 checks of 1 functions: 4 compatible, 0 incompatible, 0 unproven"
hotfix pack --target shop --patch fix.so --func guard --key release.key --version 1 -o guard.hotfix >/dev/null || exit 1
tell g >/dev/null
run hotfix check guard.hotfix --pid "$server"
is "a bundle tells of its function's cold part" "$status $(said busy)" \
    "3 unproven guard (shop.c): it is on the stack of thread N (shop), where the old code goes on until it returns"
tell g >/dev/null
tell i >/dev/null
run hotfix check fix.hotfix --pid "$server"
is "a changed byte is incompatible with it, too" "$status $(said code-bytes)" \
    "1 incompatible fee (shop.c): its code in memory is not what the bundle was made for"
start ./later
run hotfix check fix.hotfix --pid "$server"
is "as is another build" "$status $(said loaded | sed 's/[0-9a-f]\{40\}/ID/g')" \
    "1 incompatible process PID (later) has not loaded the target, build ID"

# A user who may not look.
if [ "$(id -u)" = 0 ]; then
    chmod a+rX . shop fix.so
    run setpriv --reuid=65534 --clear-groups "$HOTFIX" check --target shop --patch fix.so --func fee --pid "$server"
    is "who may not look is told what would let him" "$status $(sed "s/\b$server\b/PID/" "$ERR")" \
        "5 hotfix check: the map of process PID cannot be opened; be its user or root, and where Yama's ptrace_scope \
is not 0 or the process is not dumpable, have CAP_SYS_PTRACE: Permission denied"
fi

build shop shop.c -DAPPLIES -I"$ROOT/loader" -I"$ROOT/manifest" "$LIBRARY/libhotfix.a" -lcrypto -ldl &&
    build fix.so good.c -fPIC -shared -DAPPLIES || exit 1
run hotfix pack --target shop --patch fix.so --func fee --key release.key --version 1 -o fix.hotfix
start ./shop
is "a bundle is applied" "$(tell a) $(tell c)" "applied 1 15"
run hotfix check fix.hotfix --pid "$server"
id=$(hotfix show fix.hotfix | sed -n 's/^id  *//p')
is "the same one does not fit again" "$status $(said diverted)" \
    "1 incompatible fee (shop.c): this very bundle is applied to it, version 1, id $id"
live --func fee
is "another patch goes on top of it only where somebody says so" "$status $(said diverted)" \
    "3 unproven fee (shop.c): it is patched already: a detour leads to the bundle of version 1, id $id"
printf '[waiver.on-top]\ncheck = diverted\nscope = fee\nreason = version 2 goes on top\nexpires = 2999-12-31\n' >p.ini
live --func fee --waivers p.ini
is "as a waiver can" "$status $(sed -n '1s/:.*//p' "$OUT")" "0 accepted"

finish
