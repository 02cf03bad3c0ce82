#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hotfix build --source runs what a fix's author writes: what of the fix is no source is shown and asked for, before
# anything of it runs; and nobody else reaches what is built.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

case $($CC --version) in *clang*) export RECORD=-grecord-command-line ;; esac

mkdir -p source/tools && cd source || exit 1
cat >Makefile <<'MAKE'
CFLAGS = -O2 -g $(RECORD)
shop: shop.o
	$(CC) -Wl,--build-id -o $@ shop.o
shop.o: shop.c
	$(CC) $(CFLAGS) -c shop.c
MAKE
cat >shop.c <<'SOURCE'
static int calls;
__attribute__((noinline)) int discount(int price)
{
    calls++;
    return price > 100 ? price / 2 : price;
}
int main(int argc, char **argv)
{
    (void)argv;
    return discount(argc) + calls;
}
SOURCE
echo 'echo nothing' >tools/gen.sh
cd .. && cp -r source release && make -C release CC="$CC" >make.log 2>&1 && cp release/shop shop || exit 1
# fix SCRIPT: fix.patch is what the shell commands change in the tree
fix() {
    rm -rf a b && cp -r source a && cp -r source b && (cd b && eval "$1")
    diff -Nru a b >fix.patch
}
export TMPDIR=$SCRATCH/tmp
mkdir "$TMPDIR"
build() {
    rm -f ran patch.so
    run hotfix build --target shop --source source --patch fix.patch --make "make CC=$CC" -o patch.so "$@"
}
change='sed -i "s|price / 2|price - price / 10|" shop.c'
evil="sed -i 's|^shop.o: shop.c|&\\n\\ttouch $SCRATCH/ran|' Makefile"

fix "$change"
build
is "a patch of sources alone is built" "$status $(ls patch.so)" "0 patch.so"
fix "$change; $evil"
build
is "one that changes a makefile is not" "$status $(grep -c "the patch changes what is no source of C, C++ or assembler, and \
may be run when it is built: Makefile; read it, then accept each by its name or a pattern: --accept FILE" "$ERR")" "3 1"
is "nothing of it was run" "$(ls ran patch.so 2>/dev/null)" ""
build --accept Makefile
is "when it is accepted, it is, with all of this user's rights" "$status $(find ran patch.so)" "0 ran
patch.so"
fix "$change; $evil; echo evil >>tools/gen.sh; echo news >NEWS; mkdir t; echo x >t/1; echo y >t/2; echo z >t/3"
build --accept Makefile
is "each of them has to be" "$status $(grep -o 'NEWS, t.*gen.sh\|NEWS.*and 1 more' "$ERR")" "3 NEWS, t/1, t/2, t/3 and 1 more"
build --accept Makefile --accept NEWS --accept 't/*' --accept 'tools/gen.*'
is "patterns are fine" "$status $(ls ran)" "0 ran"
build --accept '*'
is "the widest is" "$status $(ls ran)" "0 ran"
# Files that are called like sources and are none.
fix "$change"
cat >>fix.patch <<'PATCH'
diff --git a/extra.h b/extra.h
new file mode 120000
--- /dev/null
+++ b/extra.h
@@ -0,0 +1 @@
+/etc/passwd
\ No newline at end of file
PATCH
build
is "a symbolic link is no source" "$status $(grep -o 'built: extra.h' "$ERR")" "3 built: extra.h"
cat >fix.patch <<'PATCH'
diff --git a/tools/gen.sh b/gen.c
similarity index 100%
rename from tools/gen.sh
rename to gen.c
PATCH
build
is "nor what was a script" "$status $(grep -o 'built: tools/gen.sh' "$ERR")" "3 built: tools/gen.sh"
fix "$change; mkdir 't.c (u'; echo evil >'t.c (u/Makefile'"
build
is "nor what lies in a directory that is called like one" "$status $(grep -o "built: 't.c (u/Makefile'" "$ERR")" \
    "3 built: 't.c (u/Makefile'"
printf '1d\n!touch %s/ran\nw\nq\n' "$SCRATCH" >fix.patch
build
is "a script for ed is no patch" "$(ls ran 2>/dev/null)" ""
ok "which is told" test "$status" != 0
expect 2 "hotfix build: --patch, --make, --built-as, --work, --accept and --isolate belong to --source (see 'hotfix build --help')" \
    "what is accepted is of a source tree's patch" \
    hotfix build --target shop --old a --new b -o patch.so --accept Makefile
ok "the help says what runs" grep -q 'Their authors can do all that you' <(hotfix build --help)

# Isolated: what the build tries is told by what it leaves in its tree.
cat >try.sh <<SCRIPT
touch $SCRATCH/ran
touch source.was.here && echo wrote-tree
test -e $SCRATCH/ran || echo kept-out
ip=\$(tail -n +3 /proc/net/dev | grep -vc 'lo:'); echo "interfaces \$ip"
kill -0 $$ 2>/dev/null || echo blind
grep -q 'CapEff:.*0000000000000000' /proc/self/status || [ \$(id -u) = 0 ] && echo no-rights
mount -o remount,rw / 2>/dev/null || echo no-mounts
touch "\$TMPDIR/file" && echo has-tmp
ls /run/* 2>/dev/null || echo no-sockets
echo x 2>/dev/null >/dev/null && head -c 1 /dev/urandom | wc -c && { head -c 1 $SCRATCH/node || head -c 1 /dev/tty || echo no-devices; } 2>/dev/null
grep -q 'CapEff:.*0000000000\(000000\|00001b\)' /proc/self/status && echo no-handles
[ "\$(cut -d ' ' -f 6 /proc/self/stat)" = 1 ] && echo own-session
{ echo y >&7; } 2>/dev/null || echo no-files
SCRIPT
mknod node c 1 5 2>/dev/null # as root: a file of zeroes without an end
fix "$change; sed -i 's|^shop.o: shop.c|&\n\tsh $SCRATCH/try.sh >tried 2>/dev/null|' Makefile"
build --isolate --accept Makefile --work work 7>inherited
if [ "$status" = 5 ] && grep -q 'cannot be isolated here' "$ERR"; then
    echo "ok $((tests += 1)) # SKIP $(sed -n 's/.*here (\(.*\));.*/\1/p' "$ERR"): namespaces are not allowed here"
else
    is "an isolated build makes its patch" "$status $(ls patch.so)" "0 patch.so"
    is "and can do nothing else" "$(xargs < <(cat work/tree*/tried 2>/dev/null))" \
        "wrote-tree kept-out interfaces 0 blind no-rights no-mounts has-tmp no-sockets 1 no-devices no-handles own-session no-files"
    is "nothing outside was written" "$(ls ran source/source.was.here 2>/dev/null; cat inherited)" ""
    rm -rf work
    fix "$change"
    run hotfix build --target shop --source source --patch fix.patch --make 'exit 3' --isolate -o patch.so
    is "a build that fails there is told" "$status $(grep -c "'exit 3' failed before the patch" "$ERR")" "5 1"
fi
rm -rf work

# The work directory.
fix "$change"
fix "$change"
build --work work
is "nobody else may enter the work directory" "$status $(stat -c %a work)" "0 700"
rm -rf work
mkdir -m 777 work
build --work work
is "one that others may write to is refused" "$status $(grep -c 'work directory .*/work: may be written by other users (mode 0777)' "$ERR")" "4 1"
rm -rf work
mkdir -m 777 above
build --work above/work
is "so is one below a directory that they may" "$status $(grep -c 'work directory .*/above: may be written by other users' "$ERR")" "4 1"
mkdir -m 700 elsewhere && ln -s ../elsewhere above/link
build --work above/link
is "and a link there, which could lead elsewhere once it was looked at" \
    "$status $(grep -c 'work directory .*/above: may be written by other users' "$ERR")" "4 1"
TMPDIR=$SCRATCH/above
build
is "a temporary one as well" "$status $(grep -c 'work directory .*/above: may be written by other users' "$ERR")" "4 1"
mkdir before after && sed 's/100/200/' source/shop.c >fixed.c
# shellcheck disable=SC2086
$CC -O2 -g -ffunction-sections ${RECORD-} -c -o before/shop.o source/shop.c &&
    $CC -O2 -g -ffunction-sections ${RECORD-} -c -o after/shop.o fixed.c || exit 1
objects() {
    run hotfix build --target shop --old before --new after -o patch.so
}
objects
is "and where a patch is linked from objects" \
    "$status $(grep -c 'work directory .*/above: may be written by other users' "$ERR")" "4 1"
TMPDIR=$SCRATCH/tmp
objects
is "which is fine in another one" "$status" 0
# In a sandbox whose only user is its own, root is unknown, and who else owns a directory.
sandbox=(setpriv --reuid 12345 --regid 12345 --clear-groups unshare --user --map-current-user)
if [ "$(id -u)" = 0 ] && chmod 755 . && "${sandbox[@]}" true 2>/dev/null; then
    mkdir -m 777 theirs
    TMPDIR=$SCRATCH/theirs run "${sandbox[@]}" "$HOTFIX" build --target shop --old before --new after -o theirs/patch.so
    is "a sandbox without root can build" "$status $(cat "$ERR")" "0 "
fi
if [ "$(id -u)" = 0 ]; then
    mkdir work && chown 65534 work
    build --work work
    is "another user's is refused" "$status $(grep -c 'work directory .*/work: belongs to user 65534' "$ERR")" "4 1"
    rmdir work
    mkdir other && chown 65534 other
    build --work other/work
    is "and what lies below another user's" "$status $(grep -c 'work directory .*/other: belongs to user 65534' "$ERR")" "4 1"
fi

# Beside the target, where the dynamic linker does not look, lies what says that a library has a function.
echo 'int part(int v) { return v; } int whole(int v) { return v; }' >part.c
echo 'int part(int); int main(void) { return part(0); }' >uses.c && sed 's/part(0)/part(0) + whole(0)/; s/int part/int whole(int); &/' uses.c >fixed.c
# shellcheck disable=SC2086
$CC -fPIC -shared -o libpart.so part.c && $CC -O2 -g -ffunction-sections ${RECORD-} -c -o before/shop.o uses.c &&
    $CC -O2 -g -ffunction-sections ${RECORD-} -c -o after/shop.o fixed.c && $CC -Wl,--build-id -o shop before/shop.o -L. -lpart || exit 1
told() {
    objects
    grep -c "refers to 'whole', which neither the new objects nor shop nor its libraries define" "$ERR"
}
is "a library beside the target says what it has" "$(told)" 0
chmod 666 libpart.so
is "one that everybody may write says nothing" "$(told)" 1
chmod 644 libpart.so
if [ "$(id -u)" = 0 ]; then
    chown 65534 libpart.so
    is "nor does another user's" "$(told)" 1
fi

finish
