#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Static variables of one name, type and initial value in several blocks of one function that changed: which is which is
# shown by blocks that did not change, and refused where one came, went, changed or moved.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=tests/story/single.sh
. "$STORY/single.sh"

A='if (a & 1) { static int count; count += 41; r += count; }'
B='if (a > 3) { static int count; count += a * 9; r ^= count + 777; }'
C='if (a > 9) { static int count; count += 1234; r -= count; }'
U='if (a > 3) { static int count; count += r; r += count; }'
P='if (a & 1) { static int count; count += a; r += count; }'
Q='if (a > 3) { static int count; count += b; r += count; }'

# blocks OLD NEW: a function with these blocks, of which the fix changes something else, too.
blocks() {
    cat >program.c <<C
int noise;
#ifdef FIXED
#define FACTOR 5
#define BLOCKS $2
#else
#define FACTOR 3
#define BLOCKS $1
#endif
__attribute__((noinline)) static int step(int a, int b)
{
    int r = noise + b;
    BLOCKS
    return r * FACTOR;
}
int probe(int round)
{
    return step(7 + round * 4, 2);
}
C
}

SENTENCE="cannot tell whether static variable 'count' of 'step' (line 12) goes on from an old one of this name: several \
fit, and the functions that use them changed; leave these functions as they are, or give a variable that is new another name"

for level in -O0 -O1 -O2 -O3 -Os; do
    blocks "$A $B" "$A $B"
    works "old 2601 3069 new 4595 6295 old 3273 3141" "gcc $level: the state of each block goes on" gcc "$level"
    while IFS='|' read -r what old new; do
        blocks "$old" "$new"
        refused 3 "$SENTENCE" "gcc $level: $what" gcc "$level"
    done <<END
blocks that changed places|$A $B|$B $A
one that went and one that came behind|$A $B|$B $C
one that went and one that came in its place|$A $B|$A $C
one that went and one that came in front|$A $B|$C $A
the first one twice|$A $B|$A $A
blocks that nothing but variables tells apart|$P $Q|$P $Q
these, in other places|$P $Q|$Q $P
one more in between|$A $B|$A $C $B
END
done
# One mark is enough to tell two from each other: it would go along.
for level in -O0 -O2; do
    blocks "$U $A" "$U $A"
    works "old 135 264 new 655 870 old 651 780" "gcc $level: only one has a mark" gcc "$level"
    blocks "$U $A" "$A $U"
    refused 3 "$SENTENCE" "gcc $level: these, in other places" gcc "$level"
done

# A variable that the compiler left out has its place among the others.
D='if (a & 1) { static int count; count = 41; }'
K='if (a > 3) { static int count; count = a * 9; }'
for level in -O1 -O2; do
    blocks "$D $C" "$D $C"
    works "old 6 -3696 new 10 -12330 old 6 -11100" "gcc $level: one that is left out in both" gcc "$level"
    blocks "$A $K" "$D $B"
    refused 3 "$SENTENCE" "gcc $level: one that is left out, and then the other" gcc "$level"
done

# inherited CONDITION-A CONDITION-B CODE-A CODE-B [CONSTANT-A CONSTANT-B]: the fix swaps the blocks of a and b, the registers that these are in
# and the constants that both get from the code around, so that the same code is at each place as before.
inherited() {
    local k=${5:-41} l=${6:-777}
    cat >program.c <<C
int noise;
#ifdef FIXED
#define LIMITS int k = $l, l = $k;
#define K $l
#define L $k
#define BLOCKS B A
#define VALUES int b = p, a = q, r = noise * 5;
#define CALL step(9 + round, 7 + round * 4)
#else
#define LIMITS int k = $k, l = $l;
#define K $k
#define L $l
#define BLOCKS A B
#define VALUES int a = p, b = q, r = noise * 3;
#define CALL step(7 + round * 4, 9 + round)
#endif
#define A if ($1) { static int count; count += $3; r += count; }
#define B if ($2) { static int count; count += $4; r += count; }
__attribute__((noinline)) static int step(int p, int q)
{
    VALUES
    LIMITS
    BLOCKS
    return r;
}
int probe(int round)
{
    return CALL;
}
C
}
for level in -O0 -O1 -O2; do
    inherited "a & 1" "b & 1" "a + k" "b + l"
    refused 3 "${SENTENCE/line 12/line 23}" "gcc $level: constants that variables hold" gcc "$level"
    inherited "a & 1" "b & 1" "a + k * 3" "b + l * 3"
    refused 3 "${SENTENCE/line 12/line 23}" "gcc $level: constants computed of what variables hold" gcc "$level"
    inherited "a & 1" "b & 1" "a + k * 300 + 500" "b + l * 300 + 500" 0 1
    refused 3 "${SENTENCE/line 12/line 23}" "gcc $level: be these 0 and 1" gcc "$level"
    inherited "a == K" "b == L" "a" "b"
    refused 3 "${SENTENCE/line 12/line 23}" "gcc $level: constants that conditions tell of" gcc "$level"
done

# clang's debug information does not say which block a variable is in: the code that uses it stands for the block.
for level in -O0 -O2; do
    blocks "$A $B" "$A $B"
    works "old 2601 3069 new 4595 6295 old 3273 3141" "clang $level: the state of each block goes on" clang "$level"
    while IFS='|' read -r what old new; do
        blocks "$old" "$new"
        refused 3 "$SENTENCE" "clang $level: $what" clang "$level"
    done <<END
blocks that changed places|$A $B|$B $A
one that went and one that came behind|$A $B|$B $C
one that went and one that came in its place|$A $B|$A $C
one more in between|$A $B|$A $C $B
END
    inherited "a & 1" "b & 1" "a + k" "b + l"
    refused 3 "${SENTENCE/line 12/line 23}" "clang $level: constants that variables hold" clang "$level"
done

# The code of both loops changed places; what they add lies outside of the code that uses the variables.
L='if (a & 1) { static int count; count += count ? 1 : 41; r += count; }'
M='if (a & 1) { static int count; count += count ? 1 : 777; r += count; }'
blocks "$L $M" "$M $L"
refused 3 "$SENTENCE" "gcc -O0: constants in other code of the blocks" gcc -O0

# Messages that are written once, by blocks that are the same but for them; around them the code is another one.
once() {
    cat >program.c <<C
int noise, told;
__attribute__((noinline)) static void tell(const char *text) { told = told * 16 + text[0] - '0'; }
#define ONCE(text) do { static int count; if (!count) { count = 1; tell(text); } } while (0)
#ifdef FIXED
#define BLOCKS $2
#define FACTOR 5
#else
#define BLOCKS $1
#define FACTOR 3
#endif
__attribute__((noinline)) static int step(int a)
{
    BLOCKS
    return told * FACTOR + noise;
}
int probe(int round)
{
    return step(2 + 0 * round);
}
C
}
F='ONCE("1st");' G='if (a > 1) ONCE("2nd");' H='if (a > 2) ONCE("3rd");' I='if (a > 0) ONCE("4th");'
# shellcheck disable=SC2086 # a word each
for compiler in "gcc -O0" "gcc -O2" "clang -O0" "clang -O2"; do
    once "$F $G" "$F $G"
    works "old 54 54 new 90 90 old 54 54" "$compiler: the strings of blocks tell them apart" $compiler
    once "$F $G $H" "$F $I $G $H"
    refused 3 "${SENTENCE/line 12/line 13}" "$compiler: one more, with another string" $compiler
    once "$F $G" "$G $F"
    refused 3 "${SENTENCE/line 12/line 13}" "$compiler: these, in other places" $compiler
done

# Variables tell blocks apart, too, even where the compiler knows what a number is.
# shellcheck disable=SC2086 # a word each
for compiler in "gcc -O0" "gcc -O2" "clang -O2"; do
    for swapped in 0 1; do
        cat >program.c <<C
int noise;
static int left = 41, right = 777;
#if defined(FIXED) && $swapped
#define BLOCKS RIGHT LEFT
#else
#define BLOCKS LEFT RIGHT
#endif
#ifdef FIXED
#define FACTOR 5
#else
#define FACTOR 3
#endif
#define LEFT if (a & 1) { static int count; count += left; r += count; }
#define RIGHT if (b > 1) { static int count; count += right; r += count; }
__attribute__((noinline)) static int step(int a, int b)
{
    int r = 1;
    BLOCKS
    return r * FACTOR;
}
int probe(int round)
{
    left += round;
    right += round;
    return step(7 + round * 4, 2);
}
C
        if [ $swapped = 0 ]; then
            works "old 2457 4917 new 12295 16405 old 12309 14781" "$compiler: by the variables that they use" $compiler
        else
            refused 3 "${SENTENCE/line 12/line 18}" "$compiler: these, in other places" $compiler
        fi
    done
done

# The variable of one of two blocks is only written to, so that the compiler leaves it out: after the fix, of the other.
for compiler in gcc clang; do
    cat >program.c <<'C'
int noise;
#ifdef FIXED
#define FIRST 1
#define SECOND 0
#else
#define FIRST 0
#define SECOND 1
#endif
__attribute__((noinline)) static int step(int which, int value)
{
    if (which == FIRST) { static int count; int old = count; count = value; return old; }
    if (which == SECOND) { static int count; count = value; return 0; }
    return -1;
}
int probe(int round)
{
    return step(round % 2, round + 1);
}
C
    refused 3 "${SENTENCE/line 12/line 11}" "$compiler: which one is left out is exchanged along with the conditions" \
        "$compiler" -O2
done

finish
