#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Constants of one file that change, and labels that are values: what comes along when nothing else in the program can
# point there, and what is refused.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/story/single.sh
. "$STORY/single.sh"

TWICE='#ifdef FIXED
#define LAST 40
#else
#define LAST 4
#endif
static const int limits[] = {1, 2, 3, LAST};'
MAY="the constant 'limits' changed, and 'probe' may leave its address where the program finds it later, and would go on to read the old value; give the new constant another name, and use it in the functions that are to know it"

cat >program.c <<C
$TWICE
__attribute__((noinline)) int limit(int n) { return limits[n & 3]; }
int probe(int round) { return limit(3 * round) + 100; }
C
for compiler in gcc clang; do
    for flags in "-O0 -fno-pie -no-pie" "-O2 -fPIE -pie"; do
        # shellcheck disable=SC2086
        works "old 101 104 new 101 140 old 101 104" "a table of constants comes with its users ($compiler $flags)" $compiler $flags
    done
done
cat >program.c <<'C'
#ifdef FIXED
#define LAST "forty"
#else
#define LAST "fo"
#endif
#include <string.h>
static const char *const names[] = {"a", "bc", "def", LAST};
__attribute__((noinline)) const char *name(int n) { return names[n & 3]; }
int probe(int round) { return (int)strlen(name(3 * round)) + 100; }
C
works "old 101 102 new 101 105 old 101 102" "a table of strings, which clang makes one of distances" clang -O2 -fPIE -pie

cat >program.c <<'C'
#ifdef FIXED
#define LAST 40
#else
#define LAST 4
#endif
const int *kept;
__attribute__((noinline)) const int *reltable(void)
{
    static const int name[] = {1, 2, 3, LAST};
    return name;
}
int probe(int round)
{
    if (!kept)
        kept = reltable();
    return kept[3 * round] + 100;
}
C
other=${MAY/limits/reltable.name}
refused 3 "${other/probe/reltable}" "a table of numbers that goes by the same name" clang -O2 -fPIE -pie

cat >program.c <<C
$TWICE
__attribute__((noinline)) int limit(int n) { return limits[n & 3]; }
int probe(int round) { return limit(3 * round) + 100; }
C
works "old 101 104 new 101 140 old 101 104" "also without a section of its own" gcc -O2 -fPIE -pie -fno-data-sections

cat >program.c <<'C'
#ifdef FIXED
static const int steps[] = {1, 2, 3, 4, 50};
#else
static const int steps[] = {1, 2, 3, 4};
#endif
int probe(int round)
{
    int sum = 0;
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        sum += steps[i] * (round + 1);
    return sum;
}
C
works "old 10 20 new 60 120 old 10 20" "a table of which only the length changes" gcc -O1

cat >program.c <<'C'
static __attribute__((noinline)) int one(int n) { return n + 10; }
static __attribute__((noinline)) int two(int n) { return n + 20; }
static __attribute__((noinline)) int three(int n) { return n + 30 + (n & 8); }
struct entry { const char *name; int (*run)(int); };
#ifdef FIXED
static const struct entry entries[] = {{"a", one}, {"b", three}};
#else
static const struct entry entries[] = {{"a", one}, {"b", two}};
#endif
int probe(int round) { return entries[round].run(1) + (entries[round].name[0] == 'b') * 100 + (three(1) & 1); }
C
works "old 12 122 new 12 132 old 12 122" "a table of functions, of which one goes" gcc -O2 -fPIE -pie

cat >program.c <<C
$TWICE
static const int *kept;
int probe(int round) { if (!kept) kept = limits; return kept[3] + limits[3]; }
C
refused 3 "$MAY" "an address that is stored" gcc -O2
refused 3 "$MAY" "an address that is stored, by clang" clang -O2
cat >program.c <<C
$TWICE
extern int putenv(char *);
int probe(int round) { return putenv((char *)limits) + limits[round]; }
C
refused 3 "$MAY" "an address that is handed over" gcc -O2
cat >program.c <<C
$TWICE
const int *table = limits;
int probe(int round) { return table[3] + limits[round]; }
C
refused 1 "the constant 'limits' changed, and 'table' of the target holds its address: give the new constant another name, and use it in the functions that are to know it" \
    "an address that a variable holds" gcc -O2
cat >program.c <<C
${TWICE/static const/extern const int limits[4]; const}
int probe(int round) { return limits[3]; }
C
refused 1 "limits: the constant changed, and other files of the target may use it: give the new one another name, and use it in the functions that are to know it" \
    "a constant that other files know" gcc -O2

# Labels that are values.
label() { echo "function '$1' changed, and '$1' may leave addresses of its labels (&&label) where the program finds them later: they would lead from one version into the other; put the change into a function that '$1' calls already"; }
cat >program.c <<'C'
#ifdef FIXED
#define STEP 70
#else
#define STEP 3
#endif
static int extra(int n) { return n ^ 1; }
int run(const unsigned char *code, int value)
{
    static const void *const labels[] = {&&add, &&multiply, &&flip, &&end};
    goto *labels[*code++];
add:
    value += STEP;
    goto *labels[*code++];
multiply:
    value *= 2;
    goto *labels[*code++];
flip:
    value = extra(value);
    goto *labels[*code++];
end:
    return value;
}
int probe(int round)
{
    static const unsigned char code[] = {0, 1, 2, 0, 3};
    return run(code, round);
}
C
for compiler in gcc clang; do
    for flags in "-O1 -fno-pie -no-pie" "-O2 -fPIE -pie"; do
        # shellcheck disable=SC2086
        works "old 10 12 new 211 213 old 10 12" "labels that only jumps read ($compiler $flags)" $compiler $flags
    done
done

cat >program.c <<'C'
#ifdef FIXED
#define STEP 70
#else
#define STEP 3
#endif
static void **program;
extern void *malloc(unsigned long);
int run(const char *source)
{
    static void *const labels[] = {&&add, &&multiply, &&end};
    void **code = program;
    int value = 1;
    if (source) {
        program = malloc(9 * sizeof(void *));
        for (int i = 0; i < 3; i++)
            program[i] = labels[source[i] - '0'];
        return 0;
    }
    goto **code++;
add:
    value += STEP;
    goto **code++;
multiply:
    value *= 2;
    goto **code++;
end:
    return value;
}
int probe(int round) { if (!program) run("012"); return run(0); }
C
refuse_labels() { # CLAIM FUNCTION
    for compiler in gcc clang; do
        for flags in "-O0 -fno-pie -no-pie" "-O2 -fPIE -pie"; do
            # shellcheck disable=SC2086
            compile $compiler $flags || exit 1
            expect 3 "hotfix build: old.o: $(label "$2")" "$1 ($compiler $flags)" \
                hotfix build --target target --old old.o --new new.o -o patch.so
        done
    done
}
refuse_labels "labels that are stored on the heap" run

cat >program.c <<'C'
#ifdef FIXED
#define STEP 70
#else
#define STEP 3
#endif
int next(void)
{
    static void *state;
    static int value;
    if (state)
        goto *state;
    value += STEP;
    state = &&second;
    return value;
second:
    value *= 2;
    state = 0;
    return value;
}
int probe(int round) { return next(); }
C
refuse_labels "a label that the function comes back to" next

finish
