#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Compilers fit functions of one file to each other. So old code that a thread is still in never meets a function that
# it was not compiled with: it finishes with the old one, or is waited for; two fixes that were never compiled together
# are not applied together; and a program that was compiled as a whole is not patched.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

INCLUDE=("-I$ROOT/loader" "-I$ROOT/manifest")
RECORD=()
case $CC in *clang*) RECORD=(-grecord-command-line) ;; esac

# source_file RATE SERVE WEIGH: the file with these versions of three functions.
source_file() {
    mkdir -p source && cat >source/shop.c <<SOURCE
struct item {
    long price, count, weight;
};
extern void pause_here(void);
extern long limits[4];

__attribute__((noinline)) long rate(long value)
{
#if $1
    for (long i = 0; i < 4; i++)
        limits[i] += value;
#endif
    return value * 3 + $1;
}

/* Only weigh_all() calls it: compilers hand over what it reads. */
__attribute__((noinline)) static long weigh(const struct item *item)
{
#if $3
    return item->weight * 100 + item->count;
#else
    return item->price * 1000;
#endif
}

long weigh_all(const struct item *item, long count)
{
    long sum = 0;
    for (long i = 0; i < count; i++) {
        pause_here();
        sum += weigh(item) + $3;
    }
    return sum;
}

long serve(long count)
{
    long sum = $2;
    for (long i = 0; i < count; i++) {
        pause_here();
        sum += rate(i) + limits[1] - limits[1];
    }
    return sum;
}
SOURCE
}

cat >host.c <<'SOURCE'
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <hotfix.h>

struct item {
    long price, count, weight;
};
long limits[4];
long rate(long value), serve(long count), weigh_all(const struct item *item, long count);

static const struct item item = {1, 2, 3};
static sem_t inside, leave;
static pthread_t thread;
static __thread int stays;

void pause_here(void)
{
    if (!stays)
        return;
    stays = 0;
    sem_post(&inside);
    sem_wait(&leave);
}

static void *enter(void *what)
{
    prctl(PR_SET_NAME, "in the way");
    stays = 1;
    printf("left %ld\n", what ? serve(4) : weigh_all(&item, 4));
    return NULL;
}

/* A deadline that passes before an attempt saw who is in the way is given again. */
static void change(struct hotfix *hotfix, const char *path)
{
    struct hotfix_apply_options options = HOTFIX_APPLY_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    int status;

    for (options.deadline_ns = 50000000; options.deadline_ns < 20000000000u; options.deadline_ns *= 2) {
        status = path ? hotfix_apply_opt(hotfix, path, &options, &result)
                      : hotfix_revert_opt(hotfix, NULL, &options, &result);
        if (status == 0 || result.error.code != HOTFIX_BUSY || strstr(result.error.message, " at 0x"))
            break;
    }
    printf("%s %s\n", path ? "apply" : "revert", status == 0 ? "ok" : result.error.message);
    hotfix_result_deinit(&result);
}

int main(int argc, char **argv)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_error error;
    struct hotfix *hotfix;
    char line[4096];

    options.trust = argc > 1 ? argv[1] : "";
    if (hotfix_open(&options, &hotfix, &error) != 0)
        return fprintf(stderr, "%s\n", error.message), 1;
    sem_init(&inside, 0, 0);
    sem_init(&leave, 0, 0);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "enter serve") == 0 || strcmp(line, "enter weigh") == 0) {
            pthread_create(&thread, NULL, enter, line[6] == 's' ? line : NULL);
            sem_wait(&inside);
        } else if (strcmp(line, "leave") == 0) {
            sem_post(&leave);
            pthread_join(thread, NULL);
        } else if (strcmp(line, "run") == 0) {
            printf("run %ld %ld %ld\n", rate(10) + 1, serve(4), weigh_all(&item, 4));
        } else {
            change(hotfix, line[0] == 'r' ? NULL : line);
        }
        fflush(stdout);
    }
    hotfix_close(hotfix);
    return 0;
}
SOURCE

hotfix keygen key >/dev/null && mkdir trust && cp key.pub trust || exit 1

# release NAME FLAG...: the program NAME, and its old objects in NAME.old.
release() {
    name=$1
    shift
    flags=(-g -w -fPIE "${INCLUDE[@]}" "${RECORD[@]}" -ffunction-sections -fdata-sections "$@")
    mkdir -p "$name.old" && source_file 0 0 0 && "$CC" "${flags[@]}" -c source/shop.c -o "$name.old/shop.o" &&
        "$CC" "${flags[@]}" -c host.c -o host.o &&
        "$CC" "${flags[@]}" -pie -Wl,--build-id -o "$name" host.o "$name.old/shop.o" "$LIBRARY/libhotfix.a" -lcrypto \
            -lpthread -ldl
}

# bundle FIX RATE SERVE WEIGH [PACK OPTION...]: FIX.hotfix for the last release.
bundle() {
    local fix=$1
    rm -rf new && mkdir new && source_file "$2" "$3" "$4" && "$CC" "${flags[@]}" -c source/shop.c -o new/shop.o || return
    shift 4
    if ! hotfix build --target "$name" --old "$name.old" --new new -o "$fix.so" >"$fix.log" 2>&1 ||
        ! hotfix pack --target "$name" --patch "$fix.so" --key key.key --name "$fix" --version 1 "$@" \
            -o "$fix.hotfix" >"$fix.log" 2>&1; then
        diagnose <"$fix.log"
        return 1
    fi
}

# session LINE...: what the program says, without numbers that differ from run to run.
session() {
    printf '%s\n' "$@" | timeout 120 "./$name" trust 2>&1 |
        sed 's/thread [0-9]* /thread N /; s/ at 0x[0-9a-f]* for all of [0-9]* ms/ at X/; s/was in/had a return address on its stack into/'
}

ok "the release is built with -O2" release optimised -O2
ok "a fix of two functions, of which one is also called by a third, is built" bundle both 1 100 0
ok "one of a function and the only one that calls it" bundle only 0 0 1
ok "one of a caller alone" bundle caller 0 100 0
ok "one of what it calls alone" bundle called 1 0 0

is "a thread in a caller that counts on the old function is waited for, and one in the new caller when it is reverted" \
    "$(session run 'enter serve' both.hotfix leave both.hotfix run 'enter serve' revert leave revert run)" \
    "run 31 18 4000
apply thread N (in the way) had a return address on its stack into serve at X, which counts on what its calls lead to now; try again, or with a longer deadline
left 18
apply ok
run 32 122 4000
revert thread N (in the way) had a return address on its stack into serve at X, which counts on what its calls lead to now; try again, or with a longer deadline
left 122
revert ok
run 31 18 4000"

is "where only replaced functions call it, old code finishes with the old one, and new code with the new one" \
    "$(session run 'enter weigh' only.hotfix run leave 'enter weigh' revert run leave run)" \
    "run 31 18 4000
apply ok
run 31 18 1212
left 4000
revert ok
run 31 18 4000
left 1212
run 31 18 4000"

ways="make this bundle of both fixes: one that lies over"
or="(hotfix build --on) or supersedes it (hotfix pack --supersedes)"
is "a fix of what an applied fix's code calls is refused" "$(session caller.hotfix called.hotfix run)" \
    "apply ok
apply function rate: code of applied bundle caller 1 was compiled for what it was before, and would meet the new one; $ways caller $or
run 31 118 4000"
is "a fix that calls what an applied fix replaced is refused" "$(session called.hotfix caller.hotfix run)" \
    "apply ok
apply function rate: this bundle was compiled for what it is in the release, and applied bundle called 1 replaced it; $ways called $or
run 32 22 4000"
is "fixes that have nothing to do with each other go together" "$(session only.hotfix caller.hotfix run revert run)" \
    "apply ok
apply ok
run 31 118 1212
revert ok
run 31 18 1212"
is "a fix of a function that an applied fix brings is refused: it would undo that one" \
    "$(session both.hotfix caller.hotfix run)" \
    "apply ok
apply function serve: applied bundle both 1 brings it, too, and its fix would be undone; $ways both $or
run 32 122 4000"

# over NEW RATE SERVE WEIGH BUILD-OPTION...: NEW.hotfix, built with these options.
over() {
    local fix=$1
    rm -rf new && mkdir new && source_file "$2" "$3" "$4" && "$CC" "${flags[@]}" -c source/shop.c -o new/shop.o || return
    shift 4
    hotfix build --target "$name" --old "$name.old" --new new -o "$fix.so" "$@" >"$fix.log" 2>"$ERR" &&
        hotfix pack --target "$name" --patch "$fix.so" --key key.key --name "$fix" --version 1 -o "$fix.hotfix" \
            >"$fix.log" 2>"$ERR"
}
id_of() {
    hotfix show --json "$1" | jq -r .bundle.id
}
ok "a fix is built on another one" over more 1 100 0 --on caller.hotfix
is "which the bundle says" "$(hotfix show --json more.hotfix | jq -r '.bundle.built_on[]')" "$(id_of caller.hotfix)"
is "it goes on top of that one, when no thread is in its code, and its revert leaves it" \
    "$(session caller.hotfix 'enter serve' more.hotfix leave more.hotfix run revert run)" \
    "apply ok
apply thread N (in the way) had a return address on its stack into caller at X, which counts on what its calls lead to now; try again, or with a longer deadline
left 118
apply ok
run 32 122 4000
revert ok
run 31 118 4000"
is "it is whole without it, which does not go over it" "$(session more.hotfix run caller.hotfix revert run)" \
    "apply ok
run 32 122 4000
apply function serve: applied bundle more 1, which was built on this one, has this fix and its own; revert that first
revert ok
run 31 18 4000"
ok "a third one is built on the second" over third 1 200 1 --on more.hotfix
is "and so on the first" "$(hotfix show --json third.hotfix | jq -r '.bundle.built_on | sort[]')" \
    "$(for b in more caller; do id_of "$b.hotfix"; done | sort)"
is "all three lie over each other" "$(session caller.hotfix more.hotfix third.hotfix run revert run revert run)" \
    "apply ok
apply ok
apply ok
run 32 222 1212
revert ok
run 32 122 4000
revert ok
run 31 118 4000"
is "objects without the fix below are refused" "$(over less 1 0 0 --on caller.hotfix; echo $?; cat "$ERR")" \
    "1
hotfix build: --on caller.hotfix: it replaces function serve, which is in the new objects as the release has it: they must come from sources with the fix of that bundle, too, and be of all files that it changed; or leave --on, and pack with --supersedes where that fix is to be taken back"
is "what is no bundle is refused" "$(over less 1 100 0 --on key.pub; echo $?)" 5
is "a part of such a patch is not packed" \
    "$(hotfix pack --target "$name" --patch third.so --key key.key --func weigh_all -o part.hotfix 2>&1 | tail -n 1)" \
    "hotfix pack: third.so was built on other bundles (hotfix build --on), and replaces what they do only as a whole: pick no functions of it"

id=$(id_of caller.hotfix)
ok "a bundle of both fixes that supersedes the first one is made" bundle next 1 100 0 --supersedes "$id"
is "and waits for threads in what it supersedes" \
    "$(session caller.hotfix 'enter serve' next.hotfix leave next.hotfix run)" \
    "apply ok
apply thread N (in the way) had a return address on its stack into caller at X, which counts on what its calls lead to now; try again, or with a longer deadline
left 118
apply ok
run 32 122 4000"

# Patches that were made by hand: of callers that stay nothing is known.
cat >byhand.c <<'SOURCE'
long rate(long value), serve(long count);
long rate(long value)
{
    return value * 5;
}
long serve(long count)
{
    long sum = 0;
    for (long i = 0; i < count; i++)
        sum += rate(i);
    return sum + 7;
}
SOURCE
"$CC" -g -w "${RECORD[@]}" -O2 -fPIC -shared -o byhand.so byhand.c
by_hand() {
    hotfix pack --target "$name" --patch byhand.so --key key.key --name byhand --version 1 -o byhand.hotfix "$@"
}
run by_hand --func rate
is "a caller in the same file that stays is unproven" "$status $(sed -n 's/.*\(callers: rate (shop.c): serve calls it\).*/\1/p' "$ERR")" \
    "3 callers: rate (shop.c): serve calls it"
run by_hand --func rate --accept-callers "looked at"
is "which can be accepted" "$status" 0
# At the end of a function a jump to another one of its section has two bytes.
cat >tail.c <<'SOURCE'
static __attribute__((noinline, used)) long rate(long value)
{
    __asm__ volatile("" : "+r"(value));
    return value * 3;
}
static __attribute__((noinline)) long next(long value)
{
    __asm__ volatile("" : "+r"(value));
    return rate(value + 1);
}
int main(int argc, char **argv)
{
    return (int)next(argc) - 6;
}
SOURCE
"$CC" -g -w "${RECORD[@]}" -O2 -Wl,--build-id -o tail tail.c && sed -i 's/value \* 3/value * 5/; /^static.*next/,$d' tail.c &&
    "$CC" -g -w "${RECORD[@]}" -O2 -fPIC -shared -o tail.so tail.c || exit 1
run hotfix pack --target tail --patch tail.so --key key.key --name tail --version 1 -o tail.hotfix --func rate
is "a caller that ends in a jump is one, too" "$status $(sed -n 's/.*\(callers: rate (tail.c): next calls it\).*/\1/p' "$ERR")" \
    "3 callers: rate (tail.c): next calls it"
run by_hand --func rate --func serve
is "not when it is picked, too" "$status" 0
is "it is waited for, then" "$(hotfix show --json byhand.hotfix | jq -c '.callers | map({name, apply, revert})')" \
    '[{"name":"serve","apply":true,"revert":true}]'

# Where functions know nothing of each other, nobody has to wait.
ok "the release is built with -O0" release plain -O0
is "a bundle for another build is refused" "$(over less 1 100 0 --on more.hotfix; echo $?; cat "$ERR")" \
    "1
hotfix build: --on more.hotfix: it is for optimised of another build than plain"
ok "the same fix is built for it" bundle both 1 100 0
is "a thread goes on in the old caller with the new function" \
    "$(session 'enter serve' both.hotfix leave run)" "apply ok
left 22
run 32 122 4000"

run by_hand --func rate
is "nor is a caller asked about that knows nothing" "$(sed -n '/callers:/p' "$ERR")" ""

case $CC in
*clang*) lto=(-O2 -flto -fuse-ld=lld) ;;
*) lto=(-O2 -flto) ;;
esac
separate() {
    mkdir -p separate.old new && source_file 0 0 0 && "$CC" -g -w -fPIE -O2 -c source/shop.c -o separate.old/shop.o &&
        source_file 1 0 0 && "$CC" -g -w -fPIE -O2 -c source/shop.c -o new/shop.o
}
if release whole "${lto[@]}" 2>/dev/null && separate; then
    run hotfix build --target whole --old separate.old --new new -o whole.so
    is "a program that was compiled as a whole is refused" "$status" 1
    is "with the reason" "$(sed 's/.*whole: \(its files were compiled together\) (.*/\1/; 1q' "$ERR")" \
        "its files were compiled together"
    strip -g -o whole-stripped whole
    run hotfix build --target whole-stripped --old separate.old --new new -o whole.so
    is "and without debug information, by what symbols tell" "$status $(sed 's/.*\(its files were compiled together\) (.*/\1/; 1q' "$ERR")" \
        "1 its files were compiled together"
else
    result 0 "a program that was compiled as a whole is refused # SKIP no link-time optimisation here"
fi
finish
