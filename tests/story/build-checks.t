#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `hotfix pack` would refuse is refused by `hotfix build`, with the same sentence and status, while nothing is
# written; what a person accepts, both accept.

# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=tests/story/single.sh
. "$STORY/single.sh"

# build OPTION...; pack OPTION...
build() {
    hotfix build --target target --old old.o --new new.o -o patch.so "$@"
}
pack() {
    hotfix pack --target target --patch patch.so --key key.key --name f --version 1 -o fix.hotfix "$@"
}

# same CLAIM STATUS CHECK: both refuse, by this check and for one reason.
same() {
    local said
    rm -f patch.so
    run build --json
    said="$status $(json .error.message)"
    if [ -e patch.so ]; then said+=" and writes it"; fi
    run build --leave-checks
    run pack --json
    is "$1" "$said" "$status $(json .error.message)"
    [[ $said =~ ^([0-9]+)" "[a-z]+": "([a-z-]+)": " ]]
    is "$1: $3" "${BASH_REMATCH[1]-} ${BASH_REMATCH[2]-}" "$2 $3"
}

# renewed FLAG...: the new object once more, with other flags.
renewed() {
    local flags=(-g -w -ffunction-sections -fdata-sections -O2 "$@")
    [ "$compiler" = clang ] && flags+=(-grecord-command-line)
    "$compiler" "${flags[@]}" -c source/program.c -o new.o || exit 1
}

cat >plain.c <<'C'
volatile int seen;
int probe(int round)
{
#ifdef FIXED
    seen = 5 * round + 1;
    return seen;
#else
    seen = 3 * round;
    return seen;
#endif
}
int other(int round) { seen = round; return round * 7; }
C

# A detour takes five bytes: a case of a switch and a cold part go back to the third of them.
cat >entry.c <<'C'
#ifdef FIXED
#define FACTOR "5"
#else
#define FACTOR "3"
#endif
#ifdef TABLE
#define CODE "mov %edi, %eax\n2: imul $" FACTOR ", %eax, %eax\nand $1, %edi\n" \
    "lea 9f(%rip), %rdx\nmovslq (%rdx,%rdi,4), %rcx\nadd %rdx, %rcx\njmp *%rcx\n3: ret\n" \
    ".pushsection .rodata.probe, \"a\"\n.p2align 2\n9: .long 3b - 9b, 2b - 9b\n.popsection"
#else
#define CODE "mov %edi, %eax\n2: imul $" FACTOR ", %eax, %eax\ncmp $1000, %eax\njg probe.cold\nret\n" \
    ".pushsection .text.unlikely.probe, \"ax\"\n.type probe.cold, @function\nprobe.cold: mov $1, %eax\n" \
    "jmp 2b\n.size probe.cold, . - probe.cold\n.popsection"
#endif
__attribute__((naked)) int probe(int round)
{
    __asm__(CODE);
}
C

# The structure of a block, of which an object may outlive the call.
cat >block.c <<'C'
#include <stdlib.h>
int probe(int round)
{
    struct note {
        int text;
#ifdef FIXED
        int more;
#endif
    };
    static struct note *last;
    last = calloc(1, sizeof(*last));
    last->text = 3 * round;
#ifdef FIXED
    last->more = 1;
    return last->text + last->more;
#else
    return last->text;
#endif
}
C

newer=-mavx2
[ "$(uname -m)" != aarch64 ] || newer=-march=armv8.2-a
for compiler in gcc clang; do
    cp plain.c program.c
    compile "$compiler" -O2 || exit 1
    renewed -fwrapv
    same "$compiler: what signed overflow means" 1 semantic-flags
    renewed "$newer"
    same "$compiler: other instructions" 1 instruction-set
    renewed -fshort-enums
    same "$compiler: another ABI" 1 abi-flags
    renewed -g0
    same "$compiler: no debug information" 3 prototype
    compile "$compiler" -O2 -fstack-protector-all || exit 1
    renewed
    same "$compiler: less protection" 1 hardening

    if [ "$(uname -m)" = x86_64 ]; then
        cp entry.c program.c
        for form in TABLE COLD; do
            compile "$compiler" -O2 "-D$form" || exit 1
            same "$compiler: code that comes back into the detour, $form" 1 entry
        done
    fi

    cp block.c program.c
    compile "$compiler" -O0 || exit 1
    same "$compiler: a structure of the function" 3 layout
    accept=(--accept-layout "none outlives a call")
    run build "${accept[@]}"
    run pack "${accept[@]}"
    is "$compiler: what is accepted goes through both" "$status" 0
    printf '[waiver.note]\ncheck = layout\nscope = probe\nreason = none outlives a call\nexpires = 2999-12-31\n' >waivers.ini
    rm -f patch.so
    run build --waivers waivers.ini --json
    is "$compiler: a file of waivers accepts it, too" "$status $(json .waiver_file.file)" "0 waivers.ini"
done
expect 2 "hotfix build: option '--accept-layout' needs a reason, which the bundle will carry (see 'hotfix build --help')" \
    "a reason is needed" build --accept-layout " "
expect 5 "hotfix build: waivers: none.ini: cannot be opened: No such file or directory" "a file of waivers is read first" \
    build --waivers none.ini

finish
