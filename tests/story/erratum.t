#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A Cortex-A53 may execute adrp wrongly at the end of a page (erratum 843419): compilers for arm64 ask their linker to
# avoid that. What it makes of such code is still the object's.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

if [ "$(uname -m)" != aarch64 ]; then
    echo '1..0 # SKIP only linkers for arm64 do that'
    exit 0
fi

# A page's worth of code in front of the function's load puts its adrp where the erratum is.
cat >late.c <<'SOURCE'
#ifndef BY
#define BY 1
#endif
const char room[ROOM] = {1}; /* between the code and the data */
static int counter = 20;
__attribute__((noinline, aligned(4096))) int late(int by)
{
    int *page, value;
    __asm__ volatile("b 1f\n.fill (0xff8 - (. - late)) / 4, 4, 0xd503201f\n"
                     "1: adrp %0, counter\nldr x9, [sp]\nldr %w1, [%0, :lo12:counter]"
                     : "=&r"(page), "=r"(value)
                     : "S"(&counter)
                     : "x9", "memory");
    return value + by * BY;
}
__attribute__((noinline)) int other(int by)
{
    return late(by) + BY;
}
SOURCE
echo 'int other(int); int main(int argc, char **argv) { (void)argv; return other(argc); }' >main.c

# linked ROOM FORM PATTERN: with so much room to the data, the linker makes code of it that has the pattern
linked() {
    local form=$2 flags=(-O2 -g -ffunction-sections -fdata-sections "-DROOM=$1")
    mkdir -p old new
    gcc "${flags[@]}" -c late.c -o old/late.o && gcc "${flags[@]}" -DBY=2 -c late.c -o new/late.o &&
        gcc -O2 -g -Wl,--build-id -Wl,--fix-cortex-a53-843419 -o target main.c old/late.o || exit 1
    objdump -d --disassemble=late target | tr '\t' ' ' >code
    ok "$form: what the linker made of it" grep -q "$3" code
    run hotfix build --target target --old old --new new -o patch.so
    is "$form: and it is the object's nevertheless" "$status $(cat "$ERR")" "0 "
    run ./target
    is "$form: the program computes" "$status" 22
}

linked 8 'an instruction of less reach' 'adr '
linked 4194304 'a stub' 'b .*e843419'

# Bytes that only look like it.
cp target broken
read -r _ offset _ < <(grep -o 'b .*e843419' code)
printf '\x21' | dd of=broken bs=1 seek=$((0x$offset)) conv=notrunc status=none
run hotfix build --target broken --old old --new new -o patch.so
is "another instruction in the stub is another function" "$status $(grep -o "function 'late' differs" "$ERR")" \
    "1 function 'late' differs"
finish
