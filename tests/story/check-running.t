#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Functions that a process may never leave are warned of, by check and by build; those that it leaves are not. A fix of
# nothing else is refused with a status of its own, and so is one that waits for such a function to be left.
. "$(dirname "$0")/lib.sh"

cat >server.c <<'SOURCE'
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define APART __attribute__((noinline, used))
volatile int stop, requests;

APART void answer(int request)
{
    requests += request;
}
APART int sum(const int *numbers, int count)
{
    int all = 0;
    for (int i = 0; i < count; i++)
        all += numbers[i] + requests;
    return all;
}
APART void drain(int count)
{
    while (count-- > 0)
        answer(count);
}
APART void spin(void)
{
    answer(0);
    answer(requests);
    for (;;)
        answer(1);
}
APART void *work(void *argument)
{
    while (!stop)
        answer(*(int *)argument);
    return NULL;
}
APART void *once(void *argument)
{
    answer(*(int *)argument);
    return NULL;
}
APART void serve(void)
{
    while (!stop)
        answer(2);
}
APART int start(void)
{
    static int one = 1;
    pthread_t thread;
    drain(one);
    return pthread_create(&thread, NULL, work, &one) + pthread_create(&thread, NULL, once, &one);
}
int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        spin();
    int failed = start();
    serve();
    return failed + sum(&argc, 1);
}
SOURCE

# warned FUNCTION...: what check says of it, without what follows the colon.
warned() {
    hotfix check --target server --patch fix.so "${@/#/--func=}" --json 2>/dev/null | perl -MJSON::PP -0777 -e '
        my ($check) = grep { $_->{id} eq "long-running" } @{decode_json(<STDIN>)->{checks}};
        print "$check->{verdict}: ", $check->{findings}[0]{evidence} =~ /^\w+ \(server\.c\): (?:warning: )?(.*?)[:,]/ ? $1 : "";'
}

for name in gcc clang; do
    command -v $name >/dev/null || continue
    for mode in "-pie -fPIE" "-no-pie -fno-pie" "-pie -fPIE -fno-plt"; do
        claim="$name $mode:"
        # shellcheck disable=SC2086
        if ! $name -O2 -g $mode -pthread -Wl,--build-id -o server server.c ||
            ! $name -O2 -g -fPIC -shared -o fix.so server.c; then
            ok "$claim it compiles" false
            continue
        fi
        is "$claim main" "$(warned main once)" "compatible: the program is inside it all the time"
        is "$claim a loop without end" "$(warned spin once)" "compatible: it seems to loop without ever returning"
        is "$claim main alone" "$(warned main)" "incompatible: the patch takes effect never"
        is "$claim a loop alone, in which no thread may be" "$(warned spin)" "compatible: it seems to loop without ever returning"
        is "$claim where threads start" "$(warned work)" "compatible: threads seem to start in it"
        is "$claim the main loop" "$(warned serve)" "compatible: main calls it and it loops over calls"
        is "$claim not where a thread starts that ends" "$(warned once)" "compatible: "
        is "$claim not a loop that ends" "$(warned sum)" "compatible: "
        is "$claim not a loop that whoever starts threads calls" "$(warned drain)" "compatible: "
    done
    cat >own.c <<'SOURCE'
int sum(const int *numbers, int count)
{
    return count > 0 ? numbers[0] : 0;
}
int main(int argc, char **argv)
{
    (void)argv;
    return sum(&argc, 1) + 2;
}
SOURCE
    # shellcheck disable=SC2086
    $name -O2 -g $mode -pthread -Wl,--build-id -o server server.c && $name -O2 -g -fPIC -shared -o own.so own.c
    run hotfix check --target server --patch own.so --func main
    is "$name: that has a status of its own" "$status $(sed -n 's/^hotfix check: //p' "$ERR" | cut -c1-113)" \
        "7 incompatible: long-running: main (server.c): the patch takes effect never: the program is inside it until it ends"
    run hotfix check --target server --patch own.so --func main --func sum --json
    is "$name: a change of main that has to be left because of what it calls, too" \
        "$status $(jq -r .error.code "$OUT") $(sed 's/.*\(the patch can never .*\): its .*/\1/' "$ERR")" \
        "1 incompatible the patch can never be applied while main runs"
    run hotfix check --target server --patch fix.so --func work
    ok "$name: people are told" grep -q '^    work (server.c): warning: threads seem to start in it' "$OUT"
    mkdir -p "$name/old" "$name/new"
    $name -O2 -g -ffunction-sections -fdata-sections -c -o "$name/old/server.o" server.c
    sed 's/\*(int \*)argument/*(int *)argument + 1/' server.c >changed.c
    $name -O2 -g -ffunction-sections -fdata-sections -c -o "$name/new/server.o" changed.c
    $name -pthread -Wl,--build-id -o server "$name/old/server.o"
    run hotfix build --target server --old "$name/old" --new "$name/new" -o patch.so
    ok "$name: build warns of the same" grep -q 'warning: .*work: threads seem to start in it' "$ERR"
    is "$name: once" "$(grep -c 'warning: ' "$ERR")" 1

    build() {
        sed "$1" server.c >changed.c
        shift
        $name -O2 -g -ffunction-sections -fdata-sections -c -o "$name/new/server.o" changed.c
        rm -f patch.so
        run hotfix build --target server --old "$name/old" --new "$name/new" -o patch.so "$@"
    }
    build 's/failed + sum/failed + 1 + sum/'
    is "$name: build says the same of main alone" "$status $(sed -n 's/.*\(main (.*\): the program.*/\1/p' "$ERR")" \
        "7 main (server.c): the patch takes effect never"
    ok "$name: and writes nothing" test ! -e patch.so
    build 's/failed + sum/failed + 1 + sum/; s/requests += request/requests += request + 2/'
    is "$name: build says that main would have to be left" "$status $(sed -n 's/.*\(the patch can.*\): its.*/\1/p' "$ERR")" \
        "1 the patch can never be applied while main runs"
    build 's/answer(1)/answer(3)/; s/requests += request/requests += request + 2/'
    is "$name: and warns of a loop without an end" \
        "$status $(sed -n 's/.*\(spin: .*\): a thread.*/\1/p' "$ERR")" \
        "0 spin: it seems to loop without ever returning"
    build 's/failed + sum/failed + 1 + sum/' --accept-long-running "applied before main"
    is "$name: it can be accepted" "$status" 0
done

finish
