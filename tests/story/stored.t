#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What compilers conclude from all that a file stores in a static variable: the program has stored something else.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=tests/story/single.sh
. "$STORY/single.sh"

# variable DECLARATION STORE READ: the variable `kept`, and how probe() sets it once, and then reads it
variable() {
    cat >program.c <<C
int noise;
#ifdef FIXED
#define NUMBER 7
#define TEXT "seven"
#define FACTOR 5
#else
#define NUMBER 5
#define TEXT "five"
#define FACTOR 3
#endif
$1;
__attribute__((noinline)) void set(int a, const char *text)
{
    if (a & 1)
        kept = $2;
}
__attribute__((noinline)) void clear(int a)
{
    if (a & 1)
        kept = 0;
}
__attribute__((noinline)) int get(int a)
{
    noise += a;
    return ($3) * FACTOR + a;
}
int probe(int round)
{
    static int done;
    if (!done++)
        set(1, "text");
    return get(round);
}
C
}

TWO="static variable 'kept' holds one of two values, of which the compiler keeps which, and these are other ones in the new \
object than in the old one: if it may begin anew, give it another name"
ONCE="all that the new code stores in static variable 'kept' may be one constant, which its compiler then takes it for \
where it is not NULL; the old code has stored something else there: if it may begin anew, give it another name"
for compiler in gcc clang; do
    for level in -O0 -O1 -O2; do
        case $compiler$level in clang-O[12]) made=yes ;; *) made= ;; esac

        variable "static int kept" NUMBER kept
        if [ "$made" ]; then
            refused 3 "$TWO" "$compiler $level: a number that is stored is another one" "$compiler" "$level"
        else
            works "old 15 16 new 25 26 old 15 16" "$compiler $level: a number that is stored is another one" \
                "$compiler" "$level"
        fi
        variable "static int kept" 5 kept
        works "old 15 16 new 25 26 old 15 16" "$compiler $level: it is the same" "$compiler" "$level"
        variable "static int kept" "NUMBER + a" kept
        works "old 18 19 new 30 31 old 18 19" "$compiler $level: a number that is computed" "$compiler" "$level"

        # One that the fix brings, and one that it removes.
        variable "static int kept" 5 kept
        sed -i 's/noise += a;/#ifdef FIXED\n    static int told;\n    if (!told)\n        told = 1;\n#endif\n    noise += a;/' program.c
        works "old 15 16 new 25 26 old 15 16" "$compiler $level: one that is new" "$compiler" "$level"
        variable "static int kept" 5 kept
        sed -i 's/noise += a;/#ifndef FIXED\n    static int told;\n    if (!told)\n        told = 1;\n#endif\n    noise += a;/' program.c
        works "old 15 16 new 25 26 old 15 16" "$compiler $level: one that goes" "$compiler" "$level"

        variable "static const char *kept" TEXT "kept ? kept[1] : 0"
        case $compiler in
        clang) refused 3 "$ONCE" "$compiler $level: a text that is stored is another one" "$compiler" "$level" ;;
        *) works "old 315 316 new 525 526 old 315 316" "$compiler $level: a text that is stored is another one" \
            "$compiler" "$level" ;;
        esac
        variable "static const char *kept" '"five"' "kept ? kept[1] : 0"
        works "old 315 316 new 525 526 old 315 316" "$compiler $level: a text that is the same" "$compiler" "$level"
        variable "static const char *kept; const char **where = &kept" TEXT "*where ? kept[1] : 0"
        works "old 315 316 new 525 526 old 315 316" "$compiler $level: one that others can store in" "$compiler" "$level"
        variable "static const char *kept" text "kept ? kept[1] : 0"
        works "old 303 304 new 505 506 old 303 304" "$compiler $level: a text that is given" "$compiler" "$level"
        variable "static const char *kept" 'a > 9 ? "other" : TEXT' "kept ? kept[1] : 0"
        works "old 315 316 new 525 526 old 315 316" "$compiler $level: one of two texts" "$compiler" "$level"
    done
done

# A function that did not change stores what it stored, though a register brings it from far.
cat >program.c <<'C'
int noise;
#ifdef FIXED
#define FACTOR 5
#else
#define FACTOR 3
#endif
static const char *kept;
static void nothing(int a)
{
    noise += a;
}
void (*volatile hook)(int) = nothing;
__attribute__((noinline)) void set(int a)
{
    for (int i = 0; i < a; i++) {
        hook(i);
        kept = "five";
        hook(a);
        kept = 0;
        hook(i);
        kept = "five";
    }
}
__attribute__((noinline)) int get(int a)
{
    noise += a;
    return (kept ? kept[1] : 0) * FACTOR + a;
}
int probe(int round)
{
    static int done;
    if (!done++)
        set(2);
    return get(round);
}
C
for level in -O1 -O2; do
    works "old 315 316 new 525 526 old 315 316" "clang $level: a loop that did not change" clang "$level"
done

finish
