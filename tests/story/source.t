#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From a source tree and a patch to patch.so: `hotfix build --source` with make, cmake and libtool projects, and hotfix cc.

. "$(dirname "$0")/lib.sh"
export CFLAGS="-O2 -g"
case $($CC --version) in *clang*) CFLAGS+=" -grecord-command-line" ;; esac

# make_tree DIR: a program whose discount() has a bug, and the patch that fixes it.
make_tree() {
    mkdir -p "$1/lib"
    cat >"$1/Makefile" <<'MAKEFILE'
shop: main.o lib/libprice.a
	$(CC) -o $@ main.o -Llib -lprice
lib/libprice.a: lib/price.o lib/tax.o
	rm -f $@; ar rcs $@ $^
main.o lib/price.o lib/tax.o: lib/price.h
MAKEFILE
    cat >"$1/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.10)
project(shop C)
add_library(price STATIC lib/price.c lib/tax.c)
add_executable(shop main.c)
target_link_libraries(shop price)
CMAKE
    cat >"$1/lib/price.h" <<'SOURCE'
int discount(int price);
int tax(int price);
SOURCE
    cat >"$1/lib/price.c" <<'SOURCE'
#include "price.h"

static int calls;

int discount(int price)
{
    calls++;
    return price > 100 ? price / 2 + tax(calls) : price;
}
SOURCE
    cat >"$1/lib/tax.c" <<'SOURCE'
#include "price.h"

int tax(int price)
{
    return price * 19 / 100;
}
SOURCE
    cat >"$1/main.c" <<'SOURCE'
#include <stdio.h>

#include "lib/price.h"

int main(int argc, char **argv)
{
    (void)argv;
    printf("%d\n", discount(argc * 1000));
    return 0;
}
SOURCE
    cat >fix.patch <<'PATCH'
--- a/lib/price.c
+++ b/lib/price.c
@@ -5,5 +5,5 @@
 int discount(int price)
 {
     calls++;
-    return price > 100 ? price / 2 + tax(calls) : price;
+    return price > 100 ? price - price / 10 + tax(calls) : price;
 }
PATCH
}

# build TARGET MAKE [OPTION...]
build() {
    local target=$1 command=$2
    shift 2
    hotfix build --target "$target" --source source --patch fix.patch --make "$command" -o patch.so "$@"
}

# What is left behind of work directories, their names replaced.
leftovers() {
    (cd "$TMPDIR" && ls -d hotfix-build.* 2>/dev/null) | wc -l
}
export TMPDIR=$SCRATCH/tmp
mkdir "$TMPDIR"

make_tree source
make_tree release
run make -C release CC="$CC"
cp release/shop shop

# What is refused, and how.
see="(see 'hotfix build --help')"
expect 2 "hotfix build: --source needs --patch and --make $see" "sources need a patch" \
    hotfix build --target shop --source source --make make -o patch.so
expect 2 "hotfix build: --source needs --patch and --make $see" "and a command" \
    hotfix build --target shop --source source --patch fix.patch -o patch.so
expect 2 "hotfix build: --source takes the place of --old and --new $see" "sources or objects, not both" \
    hotfix build --target shop --source source --patch fix.patch --make make --old a.o --new b.o -o patch.so
expect 2 "hotfix build: --patch, --make, --built-as, --work, --accept and --isolate belong to --source $see" "a patch needs sources" \
    hotfix build --target shop --patch fix.patch --old a.o --new b.o -o patch.so
expect 5 "hotfix build: none: cannot be read: No such file or directory" "sources must be there" \
    hotfix build --target shop --source none --patch fix.patch --make make -o patch.so
expect 5 "hotfix build: none: cannot be opened: No such file or directory" "the target must be there" \
    hotfix build --target none --source source --patch fix.patch --make 'touch was-run' -o patch.so
expect 5 "hotfix build: none.patch: cannot be read: No such file or directory" "so must the patch" \
    hotfix build --target shop --source source --patch none.patch --make make -o patch.so
is "nothing is left behind by any of them" "$(leftovers)" 0
mkdir full
touch full/file
expect 2 "hotfix build: full: is not empty" "a work directory must be empty" build shop make --work full
expect 2 "hotfix build: source/work: is inside of source, which is to be copied there" "and elsewhere" \
    build shop make --work source/work
rm -rf source/work

run build shop 'exit 3'
kept=$(ls -d "$TMPDIR"/hotfix-build.*)
is "a build that fails is refused, and named where its log is" "$status $(cat "$ERR")" \
    "5 hotfix build: what was built is kept in $kept
hotfix build: 'exit 3' failed before the patch, see $kept/build.log"
rm -rf "$kept"
expect 2 "hotfix build: what was built is kept in kept
hotfix build: fix.patch does not apply to $SCRATCH/empty with patch -p1 (no file lib/price.c), see $SCRATCH/kept/build.log" "a patch that does not apply is refused" \
    eval 'mkdir empty; hotfix build --target shop --source empty --patch fix.patch --make true -o patch.so --work kept'
rm -rf kept
: >empty.patch
expect 2 "hotfix build: empty.patch: names no file to change; it must be a unified diff, as of 'diff -u' or 'git diff'" \
    "an empty patch is refused, before anything is built" hotfix build --target shop --source source --patch empty.patch \
    --make false -o patch.so
# So is a target whose symbols nobody has.
strip -o stripped shop
expect 3 "hotfix build: stripped: is stripped, and no debug file of it is found: give --debug FILE, or --rebuilt with the \
same program built once more and not stripped" "a stripped target is told at once" \
    hotfix build --target stripped --source source --patch fix.patch --make false -o patch.so
cp shop other
expect 2 "hotfix build: what was built is kept in work
hotfix build: the build links no 'other', only shop; say by --built-as which of them the target is" "a target that the build does not make is refused" \
    build other make --work work
rm -rf work
run build other make --built-as shop
is "unless it is said what the build calls it" "$status $(cat "$ERR")" "0 "
run build other make --built-as ./shop
is "by its path, too" "$status $(cat "$ERR")" "0 "
rm -f patch.so
expect 2 "hotfix build: --deb and --dsc find the target among all that is built, without --built-as" \
    "a package's target is found" hotfix build --dsc shop.dsc --target other --patch fix.patch --built-as shop -o patch.so
# The whole path of what works, be that called by something else.
path=$(command -v "$CC")
[ ! "${HOTFIX_EMULATOR-}" ] || path=$(command -v aarch64-linux-gnu-gcc)
expect 2 "hotfix build: what was built is kept in work
hotfix build: the build ran no compiler that was found in PATH; if it calls one by its whole path, set CC in --make to the bare name; if the tree was built before, the patch changes nothing that --make compiles" "a compiler that is not found in PATH is refused" \
    build shop "make CC=$path" --work work
rm -rf work
ok "none of them writes a patch" test ! -e patch.so

# builds CLAIM COMMAND...: one test, that it writes patch.so, says that discount changed, and leaves nothing behind.
builds() {
    local claim=$1
    shift
    rm -f patch.so
    run "$@"
    [ "$status" = 0 ] && [ -s patch.so ] && [ ! -s "$ERR" ] && [ "$(leftovers)" = 0 ] && grep -q discount "$OUT"
    result $? "$claim" || cat "$OUT" "$ERR" "$TMPDIR"/hotfix-build.*/build.log 2>/dev/null | diagnose
}

builds "a make project" build shop "make CC=$CC"
is "its sources are as they were" "$(find source -type f -newer fix.patch -o -name '*.o')" ""
builds "in parallel" build shop "make CC=$CC -j8"
builds "a tree that comes built" hotfix build --target shop --source release --patch fix.patch --make "make CC=$CC" -o patch.so
builds "a source that the link command compiles" build shop "$CC $CFLAGS -o shop main.c lib/price.c lib/tax.c"
builds "a thin archive" build shop \
    "$CC $CFLAGS -c -Ilib lib/price.c lib/tax.c main.c && mkdir -p thin && ar rcsT thin/lib.a price.o tax.o &&
        $CC -o shop main.o thin/lib.a"
run build shop "make CC=$CC" --work work
ok "a work directory that was asked for stays" test -e work/objects.new/lib/price.o
rm -rf work

# A function of another object that the library's version script hides.
echo '{ global: discount; local: *; };' >source/hidden.map
cat >fix.patch <<'PATCH'
--- a/lib/main.c
+++ b/lib/main.c
@@ -1 +1 @@
-int discount(int price) { return price * 3 + 1000; }
+int tax(int price); int discount(int price) { return tax(price); }
PATCH
echo 'int discount(int price) { return price * 3 + 1000; }' >source/lib/main.c
library="$CC $CFLAGS -fPIC -c lib/main.c lib/tax.c && $CC -shared -Wl,--version-script=hidden.map -o libshop.so main.o tax.o"
cp -a source hidden
run eval "(cd hidden && $library)"
builds "a library that hides what the fix calls" build hidden/libshop.so "$library"
rm source/hidden.map

# A function that only what changed refers to, and whose jump to its neighbour is longer in a section of its own.
cat >source/lib/main.c <<'SOURCE'
int seen;
void use(void (*hook)(int));
__attribute__((noinline, noclone)) void note(int price) { seen = price; __asm__ volatile("" ::: "memory"); }
void hook(int price) { note(price + 1); }
int discount(int price) { use(hook); return price; }
SOURCE
cat >fix.patch <<'PATCH'
--- a/lib/main.c
+++ b/lib/main.c
@@ -5 +5 @@
-int discount(int price) { use(hook); return price; }
+int discount(int price) { use(hook); return price + 1; }
PATCH
echo 'void use(void (*hook)(int)) { hook(1); }' >source/lib/use.c
library="$CC $CFLAGS -fPIC -fvisibility=hidden -c lib/main.c lib/use.c && $CC -shared -o libshop.so main.o use.o"
rm -rf hidden
cp -a source hidden
run eval "(cd hidden && $library)"
builds "a function whose size is another in a section of its own" build hidden/libshop.so "$library"
rm source/lib/main.c source/lib/use.c
make_tree source

# One fix of a program and of its library: a patch for each, with what belongs to it.
cat >fix.patch <<'PATCH'
--- a/lib/tax.c
+++ b/lib/tax.c
@@ -2,5 +2,5 @@
 
 int tax(int price)
 {
-    return price * 19 / 100;
+    return price * 16 / 100;
 }
--- a/main.c
+++ b/main.c
@@ -5,6 +5,6 @@
 int main(int argc, char **argv)
 {
     (void)argv;
-    printf("%d\n", discount(argc * 1000));
+    printf("%d\n", discount(argc * 2000));
     return 0;
 }
PATCH
both="$CC $CFLAGS -fPIC -c lib/price.c lib/tax.c && $CC -shared -o libprice.so price.o tax.o &&
    $CC $CFLAGS -c main.c && $CC -o shop main.o -L. -lprice"
rm -rf parts
cp -a source parts
run eval "(cd parts && $both)"
# main is never left: that part would take effect never, and what was built is kept to look at.
for part in libprice.so:tax.o:tax:0 shop:main.o:main:7; do
    IFS=: read -r name object function wanted <<<"$part"
    run build "parts/$name" "$both"
    is "of a fix of two parts, $name gets its own" "$status $(sed -n 's/^changed *//p' "$OUT")" "$wanted $object: $function"
    rm -rf "$TMPDIR"/hotfix-build.*
done
make_tree source # with its patch

cmake='cmake -S . -B out -DCMAKE_BUILD_TYPE=None && cmake --build out -j2'
if command -v cmake >/dev/null; then
    run eval "(cd release && CC=$CC $cmake)"
    export CC
    builds "a cmake project, in a directory of its own" build release/out/shop "$cmake"
else
    ok "a cmake project # SKIP cmake is not installed" true
fi

# A shared library by libtool.
if command -v autoreconf >/dev/null && command -v libtoolize >/dev/null; then
    mkdir auto
    make_tree auto
    rm auto/Makefile
    cat >auto/configure.ac <<'AC'
AC_INIT([shop], [1])
AM_INIT_AUTOMAKE([foreign subdir-objects])
AC_PROG_CC
AM_PROG_AR
LT_INIT
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
AC
    cat >auto/Makefile.am <<'AM'
lib_LTLIBRARIES = libprice.la
libprice_la_SOURCES = lib/price.c lib/tax.c lib/price.h
bin_PROGRAMS = shop
shop_SOURCES = main.c
shop_LDADD = libprice.la
AM
    run eval '(cd auto && autoreconf -fi) && cp -a auto auto.release && (cd auto.release && ./configure CC="$CC" && make)'
    autotools() {
        hotfix build --target auto.release/.libs/libprice.so.0.0.0 --source auto --patch fix.patch \
            --make './configure && make -j2' -o patch.so
    }
    builds "a library made by libtool" autotools
else
    ok "a library made by libtool # SKIP autotools are not installed" true
fi

# Trees that were built before, by a make that tracks no headers, where another program is linked every time; sources that
# are links by their whole path; and configured trees: all of the fix goes in.
make_headers() {
    rm -rf headers built
    mkdir headers
    cat >headers/Makefile <<'MAKEFILE'
all: example prog
prog: a.o b.o main.o
	$(CC) $(CFLAGS) -o $@ a.o b.o main.o
example:
	echo 'int main(void) { return 0; }' >example.c; $(CC) -o $@ example.c
.PHONY: example
.c.o:
	$(CC) $(CFLAGS) $(RULES) -c -o $@ $<
MAKEFILE
    echo '#define MAX 64' >headers/max.h
    echo '__attribute__((noinline)) int check_a(int n) { return n > MAX ? -1 : n; }' | sed '1i #include "max.h"' >headers/a.c
    echo '__attribute__((noinline)) int check_b(int n) { return n > MAX ? -1 : n; }' | sed '1i #include "max.h"' >headers/b.c
    echo 'int check_a(int), check_b(int); int main(int n, char **v) { (void)v; return check_a(n) + check_b(n); }' >headers/main.c
    echo 'old' >headers/NOTES
    cat >fix.patch <<'PATCH'
--- a/max.h
+++ b/max.h
@@ -1 +1 @@
-#define MAX 64
+#define MAX 16
--- a/a.c
+++ b/a.c
@@ -1,2 +1,2 @@
 #include "max.h"
-__attribute__((noinline)) int check_a(int n) { return n > MAX ? -1 : n; }
+__attribute__((noinline)) int check_a(int n) { return n > MAX ? -2 : n; }
PATCH
    cp -a headers built
    (cd built && "$@") >/dev/null 2>&1
}
changed() { sed -n 's/^changed *[^ ]*: //p' "$OUT" | sort | paste -sd' '; }

# whole CLAIM TREE MAKE: both functions are in the patch.
whole() {
    run hotfix build --target built/prog --source "$2" --patch fix.patch --make "$3" -o patch.so
    is "$1" "$status $(changed) $(cat "$ERR")" "0 check_a check_b "
}
make_headers make CC="$CC" CFLAGS="$CFLAGS"
whole "a changed header concerns all that read it, in a tree that came built" built "make CC=$CC CFLAGS='$CFLAGS'"
whole "and in a clean one" headers "make CC=$CC CFLAGS='$CFLAGS'"
whole "also where the build has rules written and does not read them" headers "make CC=$CC CFLAGS='$CFLAGS' RULES='-MMD -MP'"
whole "and names their file" headers "make CC=$CC CFLAGS='$CFLAGS' RULES='-MD -MF rule.mk'"
ok "the tree is as it was" eval '[ ! -e headers/a.o ] && grep -q 64 built/max.h'

# What else the fix is in: a tool that shares an object with the program. What the build only tried to link is gone.
cp -a headers shared
sed -i 's/^all: .*/all: prog tool plain/; $a tool: a.o tool.o\n\t$(CC) $(CFLAGS) -o $@ a.o tool.o\n\t$(CC) $(CFLAGS) -o conftest a.o tool.o \&\& rm conftest\nplain: plain.o\n\t$(CC) -o $@ plain.o' \
    shared/Makefile
echo 'int check_a(int); int main(int n, char **v) { (void)v; return check_a(n); }' >shared/tool.c
echo 'int main(void) { return 0; }' >shared/plain.c
run hotfix build --target built/prog --source shared --patch fix.patch --make "make CC=$CC CFLAGS='$CFLAGS'" -o patch.so
is "another program that the fix changes is named" "$status $(cat "$ERR")" "0 hotfix build: warning: tool: the patch changes it, \
too: where it runs, give it as --target, too"
echo 'int main(void) { return 0; }' | $CC -x c -o plain -
run hotfix build --target plain --source shared --patch fix.patch --make "make CC=$CC CFLAGS='$CFLAGS'" -o patch.so --json
is "and where nothing of the fix is, what has it" "$status $(json .error.message)" "1 nothing of the fix is in plain: no object \
that goes into it differs; give as --target what the fix is in: prog, tool"

cp -a shared released
make -s -C released tool CC="$CC" CFLAGS="$CFLAGS"
run hotfix build --target built/prog --target released/tool --source shared --patch fix.patch \
    --make "echo made >>$SCRATCH/made; make CC=$CC CFLAGS='$CFLAGS'" -o two
is "two programs share both builds" "$status $(sed -n 's/^changed .*: //p' "$OUT" | xargs) $(cat "$ERR") $(find two -type f -printf "%f\n" | sort | xargs) $(wc -l <made)" \
    "0 check_a check_b check_a  prog.so tool.so 2"

# Two programs of one name: what is compiled for the other one does not come in.
cp -a shared twins
cat >twins/Makefile <<'MAKEFILE'
all: prog lite/prog
prog: a.o b.o main.o
	$(CC) $(CFLAGS) -o $@ a.o b.o main.o
lite/prog: a.c b.c main.c max.h
	mkdir -p lite && for file in a b main; do $(CC) $(CFLAGS) -DLITE -c -o lite/$$file.o $$file.c || exit; done
	$(CC) $(CFLAGS) -o $@ lite/a.o lite/b.o lite/main.o
a.o b.o: max.h
MAKEFILE
sed -i '$a #ifdef LITE\nint lite(int n) { return n + MAX; }\n#endif' twins/b.c
run hotfix build --target built/prog --source twins --patch fix.patch --make "make CC=$CC CFLAGS='$CFLAGS'" -o patch.so
is "of two programs of one name the target is taken" "$status $(changed) $(cat "$ERR")" \
    "0 check_a check_b hotfix build: warning: lite/prog: the patch changes it, too: where it runs, give it as \
--target, too"
run hotfix build --target built/prog --source twins --patch fix.patch --make "make CC=$CC CFLAGS='$CFLAGS -O0'" -o patch.so --json
is "and where none of them is the target, that is said" "$status $(json .error.message | sed 's/ is built.*//')" \
    "2 the build links several 'prog' of other objects, and none of them"

mkdir headers/obj
for file in a.c b.c main.c max.h Makefile; do ln -s "$PWD/headers/$file" headers/obj/; done
# Where another CPU is emulated the copy cannot be mounted in the place of the tree.
if [ "$(uname -m)" = x86_64 ]; then
    whole "links by their whole path lead to the patched copy" headers "make -C obj CC=$CC CFLAGS='$CFLAGS'"
else
    ok "links by their whole path # SKIP no mount where a CPU is emulated" true
fi
# The same where no namespace is allowed.
cat >denied <<'SCRIPT'
echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-sys_admin "$@"
SCRIPT
if unshare -Ur sh denied true 2>/dev/null && ! unshare -Ur sh denied unshare -Um true 2>/dev/null; then
    run unshare -Ur sh denied "$BUILD/hotfix" build --target built/prog --source headers --patch fix.patch \
        --make "make -C obj CC=$CC CFLAGS='$CFLAGS'" -o patch.so
    said="a.c was compiled with $PWD/headers/a.c, not with the copy of it that the patch is applied to"
    is "where the copy cannot take the tree's place, what is read outside of it is refused" \
        "$status $(grep -cF "$said" "$ERR")" "2 1"
    run unshare -Ur sh denied "$BUILD/hotfix" build --target built/prog --source built --patch fix.patch \
        --make "make CC=$CC CFLAGS='$CFLAGS'" -o patch.so
    is "a tree that does not lead out of it works there" "$status $(changed)" "0 check_a check_b"
    rm -rf "$TMPDIR"/hotfix-build.*
else
    ok "without namespaces # SKIP user namespaces are not allowed here" true
    ok "without namespaces # SKIP user namespaces are not allowed here" true
fi

# Files of the patch that no compile of the target reads are named.
cat >>fix.patch <<'PATCH'
--- a/NOTES
+++ b/NOTES
@@ -1 +1 @@
-old
+new
PATCH
run hotfix build --target built/prog --source headers --patch fix.patch --make "make CC=$CC CFLAGS='$CFLAGS'" -o patch.so --accept NOTES
is "a file that no compile reads is named" "$status $(changed) $(cat "$ERR")" \
    "0 check_a check_b hotfix build: warning: NOTES: changed by the patch, read by no compile of the target"

cat fix.patch - >twice.patch <<'PATCH'
--- a/NOTES
+++ b/NOTES
@@ -1 +1 @@
-new
+newer
PATCH
expect 3 "hotfix build: what was built is kept in kept
hotfix build: the patch changes what is no source of C, C++ or assembler, and may be run when it is built: NOTES; read it, then accept each by its name or a pattern: --accept FILE" \
    "what several hunks or patches change is asked for once" \
    hotfix build --target built/prog --source headers --patch twice.patch --make false -o patch.so --work kept
rm -rf kept
cp -r headers fixed
patch -s -p1 -d fixed <fix.patch
expect 2 "hotfix build: what was built is kept in kept
hotfix build: fix.patch does not apply to $SCRATCH/fixed with patch -p1 ($(sed -n 's|^+++ b/||p' fix.patch | head -n 1) seems to have the change already), see $SCRATCH/kept/build.log" \
    "a fix that is there already is told as such" \
    hotfix build --target built/prog --source fixed --patch fix.patch --make false -o patch.so --work kept
rm -rf kept

# Patches: several, renames, hunks that have moved, hunks that only nearly fit.
make_tree source
cat >second.patch <<'PATCH'
--- a/lib/tax.c
+++ b/lib/tax.c
@@ -1,6 +1,6 @@
 #include "price.h"
 
 int tax(int price)
 {
-    return price * 19 / 100;
+    return price * 16 / 100;
 }
PATCH
run build shop "make CC=$CC" --patch second.patch
is "several patches are one fix" "$status $(changed) $(cat "$ERR")" "0 discount tax "
sed -i 's/@@ -1,6 +1,6 @@/@@ -4,6 +4,6 @@/' second.patch
run build shop "make CC=$CC" --patch second.patch
is "a hunk that applies elsewhere is told" "$status $(cat "$ERR")" \
    "0 hotfix build: warning: lib/tax.c: the patch applies at other lines than it says: look whether it is made for this version"
sed -i 's/@@ -4,6 +4,6 @@/@@ -1,6 +1,6 @@/; s/^ int tax(int price)/ int tax(long price)/' second.patch
rm -f patch.so
expect 2 "hotfix build: what was built is kept in kept
hotfix build: second.patch does not apply to $SCRATCH/source with patch -p1 (lib/tax.c: hunk 1 fails at line 1), see $SCRATCH/kept/build.log" \
    "a hunk that only nearly fits is refused, before anything is built" \
    build shop 'touch was-run' --patch second.patch --work kept
ok "nothing was built for it" test ! -e kept/tree
rm -rf kept
cat >fix.patch <<'PATCH'
diff --git a/lib/tax.c b/lib/rate.c
similarity index 80%
rename from lib/tax.c
rename to lib/rate.c
--- a/lib/tax.c
+++ b/lib/rate.c
@@ -2,5 +2,5 @@
 
 int tax(int price)
 {
-    return price * 19 / 100;
+    return price * 16 / 100;
 }
PATCH
run build shop "rm -f *.o && $CC $CFLAGS -c main.c lib/*.c && $CC -o shop *.o"
is "a file that git renames is patched" "$status $(changed) $(cat "$ERR")" "0 tax "
make_tree source # with its patch

# hotfix cc by its own name.
expect 2 "hotfix cc: COMPILER is missing (see 'hotfix cc --help')" "hotfix cc needs a compiler" hotfix cc
expect 2 "hotfix cc: compiler no-such-cc is not found in PATH" "which must be there" hotfix cc no-such-cc -c x.c
expect 0 "" "hotfix cc has help" hotfix cc --help
run hotfix cc "$CC" -c -o sections.o source/lib/price.c
ok "hotfix cc adds sections" eval 'readelf -SW sections.o | grep -q "\.text\.discount"'
echo 'int main(void) { return 7 }' >wrong.c
run hotfix cc "$CC" -c wrong.c
is "the compiler's status is that of hotfix cc" "$status" "$("$CC" -c wrong.c 2>/dev/null; echo $?)"
ok "and so are its messages" grep -q 'wrong.c:1' "$ERR"

finish
