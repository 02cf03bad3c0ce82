#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same functions are fixed again and again: their static variables stay where they are and what they are; and those
# who look at the process, gdb and backtrace(), see the fixed functions by name.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

SOURCES=$ROOT/tests/build
LIBS=("$LIBRARY/libhotfix.a" -lcrypto -lpthread -ldl)
FLAGS=(-O2 -g -w -fPIE -ffunction-sections -fdata-sections "-I$ROOT/loader" "-I$ROOT/manifest" "-I$SOURCES")
case $CC in *clang*) FLAGS+=(-grecord-command-line) ;; esac

# compile VERSION DIRECTORY
compile() {
    mkdir -p source "$2" &&
        { printf '#define VERSION %s\n#line 1\n' "$1" && cat "$SOURCES/reload.c"; } >source/reload.c &&
        "$CC" "${FLAGS[@]}" -c source/reload.c -o "$2/reload.o"
}

# bundle VERSION
bundle() {
    local below=()
    [ ! -f $(($1 - 1)).hotfix ] || below=(--on $(($1 - 1)).hotfix)
    compile "$1" "new-$1" &&
        hotfix build --target host --old old --new "new-$1" "${below[@]}" -o "patch-$1.so" >/dev/null &&
        hotfix pack --target host --patch "patch-$1.so" --key key.key --name fix --version "$1" -o "$1.hotfix" >/dev/null
}

hotfix keygen key >/dev/null && mkdir trust && cp key.pub trust && compile 0 old &&
    "$CC" "${FLAGS[@]}" -c "$SOURCES/reload_main.c" -o main.o &&
    "$CC" -pie -rdynamic -Wl,--build-id -o host main.o old/reload.o "${LIBS[@]}" || exit 1
for version in 1 2 3; do
    ok "fix $version can be built" bundle "$version"
done

cat >wanted <<'OUTPUT'
serve 110 same
apply 1.hotfix ok
serve 221 same
apply 2.hotfix ok
serve 332 same
apply 3.hotfix ok
serve 443 same
serve 553 same
revert ok
serve 662 same
revert ok
serve 771 same
apply 3.hotfix ok
serve 883 same
revert ok
revert ok
serve 990 same
apply 2.hotfix ok
serve 1102 same
OUTPUT
printf '%s\n' run 'apply 1.hotfix' run 'apply 2.hotfix' run 'apply 3.hotfix' run run revert run revert run \
    'apply 3.hotfix' run revert revert run 'apply 2.hotfix' run | timeout 60 ./host trust >got 2>&1
is "several reloads of a function keep its static variables' addresses and values" "$(cat got)" "$(cat wanted)"

printf '%s\n' trace 'apply 1.hotfix' trace | timeout 60 ./host trust >got 2>&1
is "backtrace() names the released function, then the fixed one" \
    "$(sed -n 's/^frame \(.*\)(traced+0x[0-9a-f]*).*/\1/p' got | sed 's,/proc/.*,a mapping of memory,')" \
    "./host
a mapping of memory"

# The debugger has pipes among its descriptors, which a wrong name of the patch would have it wait for.
mkfifo commands
timeout 60 ./host trust <commands >got 2>&1 &
host=$!
exec 9>commands
printf '%s\n' 'apply 1.hotfix' wait >&9
until grep -q '^waiting ' got; do
    kill -0 $host 2>/dev/null || break
    sleep 0.1
done
process=$(sed -n 's/^waiting //p' got)
if [ "${HOTFIX_EMULATOR-}" ]; then
    result 0 "gdb names the fixed function and its line # SKIP $HOTFIX_EMULATOR shows gdb itself, not the program"
else
    timeout 60 gdb -nx -batch -p "$process" -ex bt </dev/null >frames 2>&1
    is "gdb attaches to the patched program" "$?" 0
    if [ "$(id -u)" = 0 ]; then
        ok "gdb names the fixed function and its line" grep -Eq '^#[0-9]+ .* traced \(.*\) at .*reload\.c:[0-9]+$' frames
    else
        result 0 "gdb names the fixed function and its line # SKIP only root may open a mapping by its name"
    fi
fi
exec 9>&-
kill "$process"
wait $host

finish
