#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A thread that waits in what the compiler moved out of a function, guard.cold, is in the function: a quiescent apply
# and a quiescent revert wait for it, and name it. (clang, and gcc for arm64, leave such code in the function: the same must
# hold.)
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

FLAGS=(-O2 -g -w -fPIE -ffunction-sections -fdata-sections "-I$ROOT/loader" "-I$ROOT/manifest")
case $CC in *clang*) FLAGS+=(-grecord-command-line) ;; esac

# compile VERSION DIRECTORY
compile() {
    mkdir -p source "$2" && cat >source/guard.c <<SOURCE && "$CC" "${FLAGS[@]}" -c source/guard.c -o "$2/guard.o"
void complain(int value) __attribute__((cold));

/* Compilers move what calls a cold function out of the way: gcc into guard.cold. */
__attribute__((noinline)) int guard(int value)
{
    if (value > 1000) {
        complain(value);
        value = 1000;
    }
    return value * 3 / 2 + $1;
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

int guard(int value);

static sem_t inside, leave;
static pthread_t thread;

void complain(int value)
{
    (void)value;
    sem_post(&inside);
    sem_wait(&leave);
}

static void *enter(void *arg)
{
    prctl(PR_SET_NAME, "in the way");
    printf("left %d\n", guard(2000));
    return arg;
}

/* A deadline that passes before an attempt saw who is in the way is given again. */
static void change(struct hotfix *hotfix, const char *path)
{
    struct hotfix_apply_options options = HOTFIX_APPLY_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    int status;

    options.quiescence = HOTFIX_QUIESCENT;
    for (options.deadline_ns = 50000000; options.deadline_ns < 20000000000u; options.deadline_ns *= 2) {
        status = path ? hotfix_apply_opt(hotfix, path, &options, &result)
                      : hotfix_revert_opt(hotfix, NULL, &options, &result);
        if (status == 0 || strstr(result.error.message, " at 0x"))
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
        if (strcmp(line, "enter") == 0) {
            pthread_create(&thread, NULL, enter, NULL);
            sem_wait(&inside);
        } else if (strcmp(line, "leave") == 0) {
            sem_post(&leave);
            pthread_join(thread, NULL);
        } else if (strcmp(line, "run") == 0) {
            printf("run %d\n", guard(10));
        } else {
            change(hotfix, line[0] == 'r' ? NULL : line);
        }
        fflush(stdout);
    }
    hotfix_close(hotfix);
    return 0;
}
SOURCE

hotfix keygen key >/dev/null && mkdir trust && cp key.pub trust && compile 7 old && compile 9 new &&
    "$CC" "${FLAGS[@]}" -c host.c -o host.o &&
    "$CC" -pie -Wl,--build-id -o host host.o old/guard.o "$LIBRARY/libhotfix.a" -lcrypto -lpthread -ldl &&
    hotfix build --target host --old old --new new -o patch.so >build.log &&
    hotfix pack --target host --patch patch.so --key key.key --name fix --version 1 -o fix.hotfix >pack.log || exit 1

case $CC:$(uname -m) in
*clang*:* | *:aarch64) ;; # these do not move code out
*)
    ok "gcc moved code out of the function" eval "nm host | grep -q ' guard\.cold$'"
    tar xf fix.hotfix manifest.ini
    is "the bundle names it, in the target and in the patch" \
        "$(sed -n 's/^\(.*cold\) = 0x[0-9a-f]*+[0-9]*$/\1/p' manifest.ini | xargs)" "cold replacement-cold"
    ;;
esac

printf '%s\n' enter fix.hotfix leave run fix.hotfix run enter revert leave revert run | timeout 120 ./host trust >got 2>&1
is "a thread in a cold part is in the function, in the old one and in the new one" \
    "$(sed 's/thread [0-9]*/thread N/; s/\(in the way\)).*guard.* at 0x.*/\1) guard/' got)" \
    "apply thread N (in the way) guard
left 1507
run 22
apply ok
run 24
revert thread N (in the way) guard
left 1509
revert ok
run 22"
finish
