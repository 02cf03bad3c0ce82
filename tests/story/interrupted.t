#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A build that is told to stop, or has no space left, leaves nothing behind and says so.

. "$(dirname "$0")/lib.sh"
export TMPDIR=$SCRATCH/tmp
mkdir "$TMPDIR" source
cat >source/shop.c <<'SOURCE'
static int calls;
__attribute__((noinline)) static int discount(int price)
{
    calls++;
    return price > 100 ? price / 2 + calls : price;
}
int main(int argc, char **argv)
{
    (void)argv;
    return discount(argc * 50);
}
SOURCE
cat >source/Makefile <<'MAKEFILE'
shop: shop.c
	$(CC) -O2 -g -c shop.c
	$(CC) -o $@ shop.o
MAKEFILE
cat >fix.patch <<'PATCH'
--- a/shop.c
+++ b/shop.c
@@ -2,7 +2,7 @@
 __attribute__((noinline)) static int discount(int price)
 {
     calls++;
-    return price > 100 ? price / 2 + calls : price;
+    return price > 100 ? price / 3 + calls : price;
 }
 int main(int argc, char **argv)
 {
PATCH
cp -r source made && make -s -C made CC="$CC" && mv made/shop . || exit 1

# stopped SIGNAL [OPTION...]: a build whose command does not end by itself gets the signal.
stopped() {
    local signal=$1 pid
    shift
    # Of an isolated build only files below the work directory are seen.
    # shellcheck disable=SC2016 # the build's own shell
    "$HOTFIX" build --target shop --source source --patch fix.patch --make 'echo $$ >started; exec sleep 300' \
        -o patch.so "$@" >"$OUT" 2>"$ERR" &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        builder=$(cat "$TMPDIR"/hotfix-build.*/tree/started 2>/dev/null) && [ -n "$builder" ] && break
        sleep 0.1
    done
    kill "-$signal" "$pid"
    wait "$pid" 2>/dev/null
    status=$?
}

stopped TERM
is "a build that is told to stop ends by that signal" "$status $(cat "$ERR")" "143 hotfix build: interrupted by signal 15"
is "nothing of it is left behind" "$(ls "$TMPDIR")" ""
ok "the command that it ran is gone" test ! -e "/proc/$builder/exe"
ok "no patch is written" test ! -e patch.so
stopped HUP
is "so does one whose terminal went away" "$status $(ls "$TMPDIR")" "129 "
if hotfix build --target shop --source source --patch fix.patch --make true -o patch.so --isolate >/dev/null 2>"$ERR" || ! grep -q 'cannot be isolated' "$ERR"; then
    rm -rf "${TMPDIR:?}"/*
    stopped TERM --isolate
    is "so does an isolated one" "$status $(ls "$TMPDIR")" "143 "
fi
rm -rf "${TMPDIR:?}"/*

# A small file system, in a namespace of its own.
cat >full.sh <<'SCRIPT'
mount -t tmpfs -o size=1500k none tmp || exit 99
"$HOTFIX" build --target shop --source source --patch fix.patch --make "$1" -o patch.so
status=$?
ls tmp
exit $status
SCRIPT
export HOTFIX
run unshare -rm bash full.sh "make CC='$CC' && head -c 2000000 /dev/zero >more"
if [ "$status" != 99 ] && [ "$status" != 1 ]; then
    is "a build without space says so" "$status $(sed 's|in /.*, where|in DIR, where|' "$ERR")" \
        "5 hotfix build: no space left in DIR, where it is built: give --work DIR on a larger file system, or set TMPDIR"
    is "and does not keep what fills it" "$(cat "$OUT")" ""
fi

finish
