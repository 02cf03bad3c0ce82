#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A function that is too short for a detour is replaced where padding follows it, which nothing runs.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

if [ "$(uname -m)" != x86_64 ]; then
    ok "one instruction is room enough on this CPU" true
    finish
fi

# shellcheck source=tests/story/single.sh
. "$STORY/single.sh"

# A getter that another file calls: no caller of it can be replaced.
cat >program.c <<'C'
#ifdef FIXED
int get(int n) { return n * 5 + 7; }
#else
int get(int n) { return n; }
#endif
int far(int n) { return n * 3; }
C
cat >>host.c <<'C'
int get(int n), far(int n);
int probe(int round) { return get(round + 1) + far(round); }
C
for compiler in gcc clang; do
    for flags in "-O1 -falign-functions=16" "-O2 -fPIE -pie" "-O2 -fno-pie -no-pie" "-O2 -fcf-protection"; do
        # shellcheck disable=SC2086
        works "old 1 5 new 12 20 old 1 5" "a function of three bytes ($compiler $flags)" $compiler $flags
    done
done

# One of a process that runs: what lies behind it is looked at, too.
compile gcc -O2
hotfix build --target target --old old.o --new new.o -o patch.so >/dev/null
hotfix pack --target target --patch patch.so --key key.key --name f --version 1 -o fix.hotfix >/dev/null
is "verify looks at its code and the padding" "$(hotfix verify fix.hotfix --trust key.pub --target target | sed -n 1p | cut -d: -f1)" VERIFIED
printf '\xcc' | dd of=target bs=1 conv=notrunc status=none \
    seek=$((0x$(nm target | sed -n 's/ T get$//p') + 4))
expect 1 "hotfix verify: target target: the code of function get is not what the bundle was made for; the file was edited after it was linked" "another byte in the padding" hotfix verify fix.hotfix --trust key.pub --target target

# In a process that has the bundle, the detour is seen for what it is.
cp host.c program_host.c
sed -i 's/    show("new");/&\n    getchar();/' host.c
compile gcc -O2 || exit 1
hotfix build --target target --old old.o --new new.o -o patch.so >/dev/null
hotfix pack --target target --patch patch.so --key key.key --name f --version 1 -o fix.hotfix >/dev/null
mkfifo input
./target fix.hotfix trust <input >out &
exec 9>input
until grep -q new out; do sleep 0.01; done
run hotfix check --target target --patch patch.so --pid $!
is "a process that has the bundle is seen to have it" \
    "$(sed -nE 's/^([a-z]+) +(code-bytes|diverted) .*/\1/p' "$OUT" | xargs)" "compatible unproven"
exec 9>&-
wait
mv program_host.c host.c

short="the [0-9]* bytes of 'get' are too short for a detour, and code calls it that stays as it is; put the fix into the functions that call it"
# stays CLAIM COMPILER FLAG...: no room
stays() {
    local claim=$1
    shift
    compile "$@" || exit 1
    run hotfix build --target target --old old.o --new new.o -o patch.so
    is "$claim" "$status $(grep -o "$short" "$ERR" | tr -d 0-9)" "1 ${short//\[0-9\]\*/}"
}
stays "no padding (gcc)" gcc -Os
stays "no padding (clang)" clang -Oz
echo "$NO_ROOM" >>program.c
stays "room for tracers" gcc -O2

# A name in the padding: code may begin there. Without names nothing is known.
sed -i '$d' program.c
compile gcc -O2 || exit 1
text=$((0x$(objdump -h target | awk '$2 == ".text" { print $4 }')))
get=$((0x$(nm target | sed -n 's/ T get$//p')))
objcopy --add-symbol "inner=.text:$((get - text + 3)),function,global" target
run hotfix build --target target --old old.o --new new.o -o patch.so
is "a name in the padding" "$status $(grep -o "$short" "$ERR" | tr -d 0-9)" "1 ${short//\[0-9\]\*/}"
compile gcc -O2 -rdynamic || exit 1
run hotfix build --target target --old old.o --new new.o -o patch.so
is "an exported function has room" "$status" 0
strip target
run hotfix check --target target --patch patch.so
is "but not where the other functions have no names" \
    "$status $(grep -o "its [0-9]* bytes of code are too short for a detour" "$OUT")" \
    "1 its 3 bytes of code are too short for a detour"

finish
