#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A function that is too short for a detour is replaced through all that call it. Code that only looks like a call of it
# does not count where it is known which instructions there are, and everywhere else it does: a call that is missed would
# go on to the old function.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/story/symbols.sh
. "$STORY/symbols.sh"

if [ "$(uname -m)" != x86_64 ]; then
    ok "instructions of this CPU begin where their alignment says" true
    finish
fi

# fee() and its caller, which the fix replaces. In c.c or c.S there will be what lies behind them.
short() {
    scenario
    file main.c <<C
#include "fix.h"
$NO_ROOM
int total(int), neighbour(int);
int main(void) { printf("%d %d\\n", total(5), neighbour(5)); fix(); printf("%d %d\\n", total(5), neighbour(5)); return 0; }
C
    file b.c <<'C'
#ifdef FIXED
__attribute__((noinline)) int fee(int n) { __asm__("" : "+r"(n)); return n * 8; }
#else
__attribute__((noinline)) int fee(int n) { __asm__("" : "+r"(n)); return n; }
#endif
int total(int n) { return fee(n) + 1000; }
C
}

# chance OPCODE: the constant BYTES of c.c becomes this byte and a distance that leads to fee() from there
chance() {
    local fee place
    FLAGS+=(-DBYTES=0x12345678)
    compile || exit 1
    fee=$((0x$(nm target | sed -n 's/ T fee$//p')))
    place=$(objdump -d --no-show-raw-insn target | sed -n 's/^ *\([0-9a-f]*\):.*12345678.*/\1/p')
    # The constant lies at the end of its instruction, of which objdump tells the begin.
    place=$((0x$place + $(objdump -d target | grep '78 56 34 12' | sed 's/.*:\t\(.*\)78 56 34 12.*/\1/' | wc -w)))
    FLAGS[-1]=-DBYTES=$(printf '0x1234%02x%02x' $(((fee - place - 2) & 255)) "$1")
}

# stays CLAIM: the build says no, since something seems to call fee() that stays
stays() {
    compile || exit 1
    run build
    is "$1" "$status $(grep -o "the [0-9]* bytes of 'fee' are too short for a detour" "$ERR" | tr -d 0-9)" \
        "1 the  bytes of 'fee' are too short for a detour"
}

for compiler in gcc clang; do
    for flags in -fPIE -fno-pie; do
        short
        CC=$compiler FLAGS+=("$flags")
        [ "$compiler" = gcc ] || FLAGS+=(-grecord-command-line)
        [ "$flags" = -fPIE ] || RELEASE=(-no-pie)
        file c.c <<<'int neighbour(int n) { return n ^ BYTES; }'
        for opcode in 0xeb 0x74 0xe2; do
            chance "$opcode"
            compile && run build
            is "$compiler $flags: a constant that looks like a jump ($opcode) counts for nothing" "$status $(cat "$ERR")" "0 "
        done
        works "so the fix is applied" "1005 $((5 ^ ${FLAGS[-1]#*=}))
1040 $((5 ^ ${FLAGS[-1]#*=}))"
    done
done
CC=gcc

# What nothing is known of may be what it seems to be.
short
file c.c <<<'int neighbour(int n) { return n ^ BYTES; }'
chance 0xeb
FLAGS=(-O2 -w "${FLAGS[-1]}")
stays "without debug information such a constant counts"

short
file c.c <<'C'
int neighbour(int n)
{
    switch (n) {
    case 1: return BYTES;
    case 2: return 7;
    case 3: __asm__ volatile("nop"); return n * 3;
    case 4: __asm__ volatile("nop; nop"); return n * n * n;
    case 5: __asm__ volatile("nop; nop; nop"); return n << 4;
    case 6: __asm__ volatile("nop; nop; nop; nop"); return n / 3;
    }
    return n;
}
C
FLAGS+=(-fcf-protection=none)
chance 0xeb
stays "so it does in code that a table leads to"

# Jumps that look like the end of another instruction to who does not leave out the data in front of them.
short
file c.S <<'S'
.text
.globl neighbour
.type neighbour, @function
neighbour:
    jmp 1f
    .byte 0xb8
1:  jmp fee
.size neighbour, . - neighbour
.section .note.GNU-stack, "", @progbits
S
stays "a jump behind data in assembler's code"

short
file c.S <<'S'
.text
.globl neighbour
.type neighbour, @function
neighbour:
    call skip
    .byte 0xb8
    jmp fee
    .byte 0xc0
    ret
.size neighbour, . - neighbour
.type skip, @function
skip:
    incq (%rsp)
    ret
.size skip, . - skip
.section .note.GNU-stack, "", @progbits
S
stays "a jump behind data that a call leaves out"

short
file c.S <<'S'
.text
.globl neighbour
neighbour:
    jmp fee
.section .note.GNU-stack, "", @progbits
S
stays "a jump in code without a size"

short
file c.c <<'C'
int neighbour(int n)
{
    __asm__ volatile("jmp 1f\n\t.byte 0xb8\n1:\tcall fee" : "+D"(n) : : "rax", "rcx", "rdx", "rsi", "memory");
    return n;
}
C
stays "a call behind data in a function of C"

short
file c.c <<'C'
__asm__("hidden: call skip\n\t.byte 0xb8\n\tjmp fee\n\t.byte 0xc0\n\tret\n.type hidden, @function\n.size hidden, . - hidden\n"
        "skip: incq (%rsp)\n\tret");
int neighbour(int n)
{
    __asm__ volatile("call hidden" : "+D"(n) : : "rax", "rcx", "rdx", "rsi", "memory");
    return n;
}
C
stays "a call in assembler's code between functions of C"

# A function and its cold part, each with a call of its own.
short
file c.c <<'C'
int fee(int);
void bad(int) __attribute__((cold));
int neighbour(int n)
{
    if (__builtin_expect(n < 0, 0)) { bad(fee(n)); return 9; }
    return n;
}
void bad(int n) { __asm__ volatile("" : : "r"(n)); }
C
rm before/c.c
cp after/c.c before/d.c && mv after/c.c after/d.c
compile || exit 1
rm old/d.o new/d.o proof/d.o
run build
is "a call in a cold part" "$status $(grep -o "are too short for a detour" "$ERR")" "1 are too short for a detour"

finish
