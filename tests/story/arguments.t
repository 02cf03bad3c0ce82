#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Constants that callers hand over and compilers put into the called function: the callers are the same code in both
# compilations, and are fixed all the same.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=tests/story/single.sh
. "$STORY/single.sh"

# Between take() and give() of serve(), what is asked for happens.
cat >host.c <<'C'
#include <hotfix.h>
#include <stdio.h>

int held[8];
int serve(void);
static struct hotfix *hotfix;
static const char *path;

static struct hotfix_result result = HOTFIX_RESULT_INIT;
static enum { NOTHING, APPLY, REVERT } task;

void between(void)
{
    struct hotfix_apply_options patient = HOTFIX_APPLY_OPTIONS_INIT;
    int now = task;

    patient.deadline_ns = 20000000000u;
    task = NOTHING;
    if ((now == APPLY && hotfix_apply_opt(hotfix, path, &patient, &result) != 0) ||
        (now == REVERT && hotfix_revert_opt(hotfix, NULL, &patient, &result) != 0))
        printf("%s ", result.error.message);
}

static void show(int what)
{
    task = what;
    serve();
    printf("%d/%d ", held[1], held[2]);
}

int main(int argc, char **argv)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_error error;

    path = argv[1];
    options.trust = argv[argc - 1];
    if (hotfix_open(&options, &hotfix, &error) != 0)
        return 2;
    show(APPLY);
    show(NOTHING);
    show(REVERT);
    show(NOTHING);
    return 0;
}
C

# program TYPE USE OLD NEW: serve() takes and gives, with one argument
program() {
    cat >program.c <<C
extern int held[8];
void between(void);
int noise;
#ifdef FIXED
#define WHICH $4
#else
#define WHICH $3
#endif

__attribute__((noinline)) static void take($1 which)
{
    for (int i = 0; i < 2; i++)
        noise += i;
    $2 += 1;
}

__attribute__((noinline)) static void give($1 which)
{
    for (int i = 0; i < 2; i++)
        noise -= i;
    $2 -= 1;
}

int serve(void)
{
    take(WHICH);
    between();
    give(WHICH);
    noise += 3;
    return noise;
}
C
}

# What is taken by the old constant is given by it, and what the fix takes it gives.
for compiler in gcc clang; do
    for level in -O0 -O1 -O2 -Os; do
        program int "held[which]" 1 2
        works "0/0 0/0 0/0 0/0" "$compiler $level: a thread inside finishes with the number that it began with" \
            "$compiler" "$level"
        program double "held[(int)which]" 1.0 2.0
        works "0/0 0/0 0/0 0/0" "$compiler $level: and with the floating-point number" "$compiler" "$level"
    done
done
for compiler in gcc clang; do
    for level in -O1 -O2 -Os; do
        program "int *" "*which" "&held[1]" "&held[2]"
        works "0/0 0/0 0/0 0/0" "$compiler $level: and with the address" "$compiler" "$level"
        program "const char *" "held[*which & 3]" '"1 is the number"' '"2 is the number"'
        works "0/0 0/0 0/0 0/0" "$compiler $level: and with the text" "$compiler" "$level"
    done
done

# changed NAMES CLAIM COMPILER FLAG...: one test: the functions that build takes
changed() {
    local names=$1 claim=$2
    shift 2
    compile "$@" || exit 1
    run hotfix build --target target --old old.o --new new.o -o patch.so
    is "$claim" "$status $(sed -n 's/^changed *new.o: \([a-z]*\).*/\1/p' "$OUT" | sort | tr '\n' ' ')" "0 $names "
}

# Of constants that are what they were, no caller hears.
same_constants() {
    program int "held[which]" 1 1
    cat >>program.c <<C
__attribute__((noinline)) static int mix(int number, double factor)
{
#ifdef FIXED
    noise += 7;
#endif
    for (int i = 0; i < number; i++)
        noise += (int)(factor * noise);
    return noise;
}
int use(void)
{
    return mix(5, 2.5) + 1;
}
C
}
for level in -O1 -O2 -Os; do
    same_constants
    changed mix "gcc $level: callers that hand over what they did are left as they are" gcc "$level"
done
same_constants
changed mix "clang: callers that hand over what they did are left as they are" clang -O2

# A caller that hands on what it was handed is the same code, too, wherever it stands.
inner='__attribute__((noinline)) static int inner(int number)
{
    for (int i = 0; i < number; i++)
        noise += i;
    return noise;
}'
outer='__attribute__((noinline)) static int outer(int number)
{
    return inner(number) + noise;
}'
sed -i 's/noise += 7;/;/' program.c
mv program.c plain.c
for order in "$inner $outer" "$outer $inner"; do
    cat plain.c - >program.c <<C
static int inner(int number);
$order
#ifdef FIXED
#define DEPTH 9
#else
#define DEPTH 6
#endif
int deep(void)
{
    return outer(DEPTH) * 3;
}
C
    for compiler in gcc clang; do
        changed "deep inner outer" "$compiler: through two functions" "$compiler" -O2
    done
done

# In main a thread is for ever: what it calls is fixed, as it was.
cat >host.c <<'C'
C
cat >program.c <<'C'
#include <stdio.h>
#include <unistd.h>
#ifdef FIXED
#define LIMIT 20
#else
#define LIMIT 10
#endif
static int limit(void)
{
    return LIMIT;
}
__attribute__((noinline)) static int use(int number)
{
    int sum = 0;
    for (int i = 0; i < number; i++)
        sum += getppid() & 1;
    return sum;
}
int main(void)
{
    for (;;)
        printf("%d\n", use(limit()));
}
C
changed use "a caller that the program never leaves stays" gcc -O2

finish
