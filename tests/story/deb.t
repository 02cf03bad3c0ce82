#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From a Debian source package and a patch to a bundle for the stripped program that was shipped: `hotfix build --dsc`.
# The package is made here, so that no network is needed; it installs its program under another name than it links.

. "$(dirname "$0")/lib.sh"

export CC=gcc # as Debian builds its packages
export XDG_CACHE_HOME=$SCRATCH/cache SHOP_LOG=$SCRATCH/built
export TMPDIR=$SCRATCH/tmp
mkdir "$TMPDIR"

# make_package VERSION DISCOUNT [CONTROL]: shop_VERSION.dsc
make_package() {
    local dir=package/shop-$1
    mkdir -p "$dir/debian/source" "$dir/lib"
    echo '3.0 (native)' >"$dir/debian/source/format"
    printf 'shop (%s) stable; urgency=low\n\n  * Test.\n\n -- T <t@example.org>  Mon, 02 Nov 2026 10:00:00 +0000\n' "$1" \
        >"$dir/debian/changelog"
    cat >"$dir/debian/control" <<CONTROL
Source: shop
Section: misc
Priority: optional
Maintainer: T <t@example.org>
Standards-Version: 4.6.2
${3-}
Package: shop
Architecture: any
Description: a shop
 It sells.
CONTROL
    # As debhelper does it, in short.
    cat >"$dir/debian/rules" <<'RULES'
#!/usr/bin/make -f
include /usr/share/dpkg/buildflags.mk
root = debian/shop
clean:
	rm -rf *.o lib/*.o lite shop selftest libprice.so debian/shop debian/files debian/substvars built
build: build-arch
build-arch: built
built:
	[ -z "$$SHOP_LOG" ] || echo built >>"$$SHOP_LOG"
	$(CC) $(CFLAGS) $(CPPFLAGS) -fPIC -c lib/price.c -o lib/price.o
	$(CC) $(LDFLAGS) -shared -Wl,-soname,libprice.so lib/price.o -o libprice.so
	$(CC) $(CFLAGS) $(CPPFLAGS) -DBUILT='"$(shell date -u -d @$$SOURCE_DATE_EPOCH +%F)"' -c shop.c
	$(CC) $(LDFLAGS) shop.o -o shop libprice.so
	mkdir -p lite
	$(CC) $(CFLAGS) $(CPPFLAGS) -DBUILT='"lite"' -c shop.c -o lite/shop.o
	$(CC) $(LDFLAGS) lite/shop.o -o lite/shop libprice.so
	$(CC) $(CFLAGS) $(CPPFLAGS) -c selftest.c
	$(CC) $(LDFLAGS) selftest.o lib/price.o -o selftest
	touch $@
binary: binary-arch
binary-arch: build-arch
	install -D shop $(root)/usr/sbin/shopd
	install -D lite/shop $(root)/usr/bin/shop-lite
	install -D libprice.so $(root)/usr/lib/libprice.so
ifeq (,$(filter nostrip,$(DEB_BUILD_OPTIONS)))
	strip $(root)/usr/sbin/shopd $(root)/usr/bin/shop-lite $(root)/usr/lib/libprice.so
endif
	mkdir -p $(root)/DEBIAN
	dpkg-gencontrol -pshop -Pdebian/shop
	dpkg-deb --root-owner-group -Znone -b $(root) ..
RULES
    chmod +x "$dir/debian/rules"
    cat >"$dir/lib/price.h" <<'SOURCE'
int discount(int price);
SOURCE
    cat >"$dir/lib/price.c" <<SOURCE
#include "price.h"

static int calls;

int discount(int price)
{
    calls++;
    return price > 100 ? price / $2 + calls : price;
}
SOURCE
    cat >"$dir/shop.c" <<'SOURCE'
#include <stdio.h>
#include <stdlib.h>

#include "lib/price.h"

static int sold;

__attribute__((noinline)) static int sell(int price)
{
    sold++;
    return price < 0 ? 0 : discount(price) + sold;
}

int main(int argc, char **argv)
{
    printf("%s %d\n", BUILT, sell(argc > 1 ? atoi(argv[1]) : 1));
    return 0;
}
SOURCE
    cat >"$dir/selftest.c" <<'SOURCE'
#include "lib/price.h"

int main(void)
{
    return discount(50) == 50 ? 0 : 1;
}
SOURCE
    (cd package && dpkg-source -b "shop-$1" >/dev/null 2>&1) || exit 1
}

# ship VERSION: what the distribution made of it, unpacked in shipped-VERSION.
ship() {
    mkdir -p "built-$1"
    (cd "built-$1" && dpkg-source -x "../package/shop_$1.dsc" tree && cd tree &&
        SHOP_LOG='' DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage -B -d --no-sign) >"built-$1.log" 2>&1 ||
        { cat "built-$1.log"; exit 1; }
    dpkg-deb -x "$(echo "built-$1/shop_$1"_*.deb)" "shipped-$1"
}

# Another program of the same name, of which nothing may come into the patch. The package installs it under another one.
lite="hotfix build: warning: usr/bin/shop-lite: the patch changes it, too: where it runs, give it as --target, too"
make_package 1.0 2
make_package 1.1 3
make_package 1.2 2 "Build-Depends: no-such-package (>= 7), libc6"$'\n'
make_package 2.0 2
ship 1.0
shop=shipped-1.0/usr/sbin/shopd
cat >fix.patch <<'PATCH'
--- a/shop.c
+++ b/shop.c
@@ -8,7 +8,7 @@
 __attribute__((noinline)) static int sell(int price)
 {
     sold++;
-    return price < 0 ? 0 : discount(price) + sold;
+    return price < 0 || price > 9999 ? 0 : discount(price) + sold;
 }
 
 int main(int argc, char **argv)
PATCH
cat >price.patch <<'PATCH'
--- a/lib/price.c
+++ b/lib/price.c
@@ -5,5 +5,5 @@
 int discount(int price)
 {
     calls++;
-    return price > 100 ? price / 2 + calls : price;
+    return price > 200 ? price / 2 + calls : price;
 }
PATCH
cat >selftest.patch <<'PATCH'
--- a/selftest.c
+++ b/selftest.c
@@ -2,5 +2,5 @@
 
 int main(void)
 {
-    return discount(50) == 50 ? 0 : 1;
+    return discount(50) == 50 && discount(0) == 0 ? 0 : 1;
 }
PATCH
hotfix keygen key >/dev/null

# build VERSION [OPTION...]
build() {
    local dsc=package/shop_$1.dsc
    shift
    hotfix build --dsc "$dsc" --target "$shop" --patch fix.patch -o patch.so "$@"
}

# Options.
expect 2 "hotfix build: --deb and --dsc take the place of --source, --make, --old and --new (see 'hotfix build --help')" \
    "a package is a tree with its command" build 1.0 --make make
expect 2 "hotfix build: --dsc takes the place of --deb (see 'hotfix build --help')" "there is one package" build 1.0 --deb shop
expect 2 "hotfix build: --install-build-deps belongs to --deb and --dsc" "nothing else has build dependencies" \
    hotfix build --target "$shop" --old . --new . --install-build-deps -o patch.so
expect 2 "hotfix build: '-x' is no name of a package" "an option is no package" \
    hotfix build --deb=-x --target "$shop" --patch fix.patch -o patch.so

# What is not the package, or cannot be had.
cp package/shop_1.0.tar.xz kept.tar
cp package/shop_2.0.tar.xz package/shop_1.0.tar.xz
run build 1.0
is "a source package whose files are others is refused" "$status $(grep -c 'cannot be unpacked' "$ERR")" "5 1"
mv kept.tar package/shop_1.0.tar.xz
run build 1.2
is "what the build needs is told with the command" "$status $(cat "$ERR")" \
    "5 hotfix build: the build of shop 1.2 needs what is not installed: no-such-package (>= 7); install it as root: apt-get build-dep --arch-only $SCRATCH/package/shop_1.2.dsc (or give --install-build-deps)"
expect 5 "hotfix build: fix.patch: is not the description of a source package (.dsc)" "another file is no source package" \
    hotfix build --dsc fix.patch --target "$shop" --patch fix.patch -o patch.so
ok "nothing is written on the way" test ! -e patch.so
is "nothing is built for it" "$(cat "$SHOP_LOG" 2>/dev/null)" ""

# The program that was shipped, without symbols, under another name than it is linked as.
run build 1.0
is "the fix of a package is built" "$status $(cat "$ERR")" "0 $lite"
is "after the proof that its sources make what was shipped" "$(head -n 1 "$OUT")" \
    "$shop is what the sources build: all that is loaded is the same"
ok "with the function that changed" grep -q '^changed  shop.o: sell$' "$OUT"
is "the package was built twice" "$(wc -l <"$SHOP_LOG")" 2
run hotfix pack --target "$shop" --patch patch.so --key key.key --name shop --version 1 --provenance shop.json -o fix.hotfix
is "pack finds the symbols of the rebuild" "$status $(cat "$ERR")" "0 "
run hotfix verify fix.hotfix --trust key.pub --target "$shop" --provenance shop.json
is "the bundle is for what was shipped" "$status $(grep -c target-rebuilt "$OUT")" "0 1"

# The second fix.
cp patch.so first.so
rm "$SHOP_LOG"
run build 1.0
is "the same fix again gives the same patch" "$status $(cmp patch.so first.so && echo same)" "0 same"
is "and builds once, since the first build is kept" "$(wc -l <"$SHOP_LOG")" 1
cp -a cache copy
rm "$SHOP_LOG"
XDG_CACHE_HOME=$SCRATCH/copy run build 1.0
is "a copy of the cache says other names of files: it is built again" \
    "$status $(cmp patch.so first.so && echo same) $(wc -l <"$SHOP_LOG")" "0 same 2"
rm -r copy
rm "$SHOP_LOG"
run hotfix build --dsc package/shop_1.0.dsc --target shipped-1.0/usr/lib/libprice.so --patch price.patch -o price.so
is "a fix of the library is built from what is kept" "$status $(grep -c '^changed .*: discount$' "$OUT") $(wc -l <"$SHOP_LOG")" \
    "0 1 1"
is "what the package does not install needs no patch" "$(cat "$ERR")" ""
run hotfix build --dsc package/shop_1.0.dsc --target "$shop" --patch price.patch -o price.so --work kept
is "a fix of the library alone names it as it is installed" "$status $(tail -n 1 "$ERR")" \
    "1 hotfix build: nothing of the fix is in shop: no object that goes into it differs; give as --target what the fix is in: usr/lib/libprice.so"
rm -rf kept
run hotfix build --dsc package/shop_1.0.dsc --target "$shop" --patch selftest.patch -o price.so --work kept
is "a fix of a test is none of the package" "$status $(tail -n 1 "$ERR")" \
    "1 hotfix build: nothing of the fix is in shop: no object that goes into it differs; the patch changes only what the package does not install: selftest"
rm -rf kept
SHOP_LOG='' run build 1.0 --isolate
is "an isolated build works as well" "$status $(cat "$ERR")" "0 $lite"
ok "with the same result" cmp patch.so first.so

# One fix of the library and of the program: one build behind the patch makes both.
cat fix.patch price.patch >both.patch
library=shipped-1.0/usr/lib/libprice.so
both() {
    hotfix build --dsc package/shop_1.0.dsc --patch both.patch --target "$shop" --target "$library" "$@"
}
rm "$SHOP_LOG"
run both --target shipped-1.0/usr/bin/shop-lite --bundle both --key key.key --version 1
is "several targets get a bundle each" "$status $(cat "$ERR") $(find both -type f -printf "%f\n" | sort | xargs)" \
    "0  libprice.so.hotfix libprice.so.so shop-lite.hotfix shop-lite.so shopd.hotfix shopd.so"
is "from one build behind the patch" "$(wc -l <"$SHOP_LOG") $(grep -c '^changed' "$OUT")" "1 3"
run build 1.0 --patch price.patch
is "each is the patch that is made for it alone" "$status $(cmp patch.so both/shopd.so && echo same)" "0 same"
for name in shopd libprice.so; do
    file=$shop
    [ "$name" = shopd ] || file=$library
    run hotfix verify "both/$name.hotfix" --trust key.pub --target "$file"
    is "the bundle $name is for its target and has its name" "$status $(sed -n 's/^bundle *//p' "$OUT")" "0 $name 1"
done
run both -o json.d --json
is "one object tells of all" "$status $(json targets.0.output) $(json targets.1.items.0.name) $(json targets.1.target_file)" \
    "0 json.d/shopd.so discount $library"
run hotfix build --dsc package/shop_1.0.dsc --patch price.patch --target "$shop" --target "$library" -o one.d
is "a target that the fix does not change needs none" "$status $(cat "$ERR") $(ls one.d)" \
    "0 hotfix build: the patch changes nothing of $shop, which needs none libprice.so.so"
run hotfix build --dsc package/shop_1.0.dsc --patch selftest.patch --target "$shop" --target "$library" -o none.d --work kept
is "a fix that changes none is refused" "$status $(tail -n 1 "$ERR") $(ls none.d)" \
    "1 hotfix build: nothing of the fix is in any of the targets: no object that goes into them differs; the patch changes only what the package does not install: selftest "
rm -rf kept
cat >grown.patch <<'PATCH'
--- a/lib/price.c
+++ b/lib/price.c
@@ -1,6 +1,6 @@
 #include "price.h"
 
-static int calls;
+static int calls = 7;
 
 int discount(int price)
 {
PATCH
run hotfix build --dsc package/shop_1.0.dsc --patch fix.patch --patch grown.patch --target "$shop" --target "$library" \
    --bundle half --key key.key --work kept
is "where one of them is refused there is none" "$status $(ls half) $(tail -n 1 "$ERR" | cut -d: -f1,2)" "1  hotfix build: $library"
rm -rf kept
expect 2 "hotfix build: fix.patch: is no directory; with several --target one holds a file for each" \
    "several patches need a directory" both -o fix.patch
expect 2 "hotfix build: --debug, --rebuilt, --built-as, --host and --on belong to a single --target" "what is one target's is asked for one" \
    both -o both --host "$shop"
expect 2 "hotfix build: $shop and built-1.0/tree/debian/shop/usr/sbin/shopd have one name: build for one after the other" \
    "files of one name would overwrite each other" both --target built-1.0/tree/debian/shop/usr/sbin/shopd -o both
cp "$library" twin
run both --target twin -o both --work kept
is "one target is given once" "$status $(tail -n 1 "$ERR")" \
    "2 hotfix build: $library and twin are one output of the build: give one of them"
rm -rf kept
expect 2 "hotfix build: --target may be given again with --source, --deb and --dsc alone" "objects are those of one target" \
    hotfix build --target "$shop" --target "$library" --old . --new . -o both
is "no work directory is left behind" "$(ls "$TMPDIR")" ""

# A package that leaves its build to dh, of which a fake does what matters here: steps in order, unless they were done.
mkdir fake
cat >fake/dh <<'SCRIPT'
#!/bin/sh
set -e
case $1 in
clean) rm -rf debian/debhelper-build-stamp target shop shop.o debian/shop debian/files ;;
build-arch)
    [ ! -e debian/debhelper-build-stamp ] || exit 0
    dh_auto_configure
    make -f shop.mk "$(cat target)"
    touch debian/debhelper-build-stamp
    ;;
binary-arch) debian/rules package ;;
esac
SCRIPT
cat >fake/dh_auto_configure <<'SCRIPT'
#!/bin/sh
[ -z "$SHOP_LOG" ] || echo configured >>"$SHOP_LOG"
echo shop >target
SCRIPT
chmod +x fake/*
PATH=$SCRATCH/fake:$PATH
make_package 3.0 2
cat >package/shop-3.0/debian/rules <<'RULES'
#!/usr/bin/make -f
include /usr/share/dpkg/buildflags.mk
export CFLAGS CPPFLAGS LDFLAGS
%:
	dh $@
package:
	install -D shop debian/shop/usr/sbin/shopd
ifeq (,$(filter nostrip,$(DEB_BUILD_OPTIONS)))
	strip debian/shop/usr/sbin/shopd
endif
	mkdir -p debian/shop/DEBIAN
	dpkg-gencontrol -pshop -Pdebian/shop
	dpkg-deb --root-owner-group -Znone -b debian/shop ..
RULES
cat >package/shop-3.0/shop.mk <<'MAKEFILE'
shop: shop.c lib/price.c
	$(CC) $(CFLAGS) $(CPPFLAGS) -DBUILT='"today"' -c shop.c
	$(CC) $(CFLAGS) $(CPPFLAGS) -c lib/price.c -o price.o
	$(CC) $(LDFLAGS) shop.o price.o -o shop
MAKEFILE
(cd package && dpkg-source -b shop-3.0 >/dev/null 2>&1) || exit 1
ship 3.0
rm -f "$SHOP_LOG"
shop=shipped-3.0/usr/sbin/shopd
run build 3.0
is "for changed sources a build by dh goes on" "$status $(cat "$SHOP_LOG")" "0 configured"
ok "and finds what changed" grep -q '^changed  shop.o: sell$' "$OUT"
{
    sed 's/ + sold;$/ + sold + EXTRA;/; s/^@@ -8,7 +8,7 @@/@@ -8,7 +8,7 @@/' fix.patch
    printf -- '--- /dev/null\n+++ b/lib/extra.h\n@@ -0,0 +1 @@\n+#define EXTRA 3\n'
} >extra.patch
sed -i '/^-    return/s/ + EXTRA//; s|^+    return.*|+#include "lib/extra.h"\n&|; s/^@@ -8,7 +8,7 @@/@@ -8,7 +8,8 @@/' extra.patch
rm "$SHOP_LOG"
run hotfix build --dsc package/shop_3.0.dsc --target "$shop" --patch extra.patch -o extra.so
is "where the patch brings a file all is built anew" "$status $(cat "$SHOP_LOG") $(grep -c '^changed  shop.o: sell$' "$OUT")" \
    "0 configured 1"
shop=shipped-1.0/usr/sbin/shopd

# Another version is no proof.
sed 's|price / 2|price / 3|' price.patch >price3.patch
run hotfix build --dsc package/shop_1.1.dsc --target shipped-1.0/usr/lib/libprice.so --patch price3.patch -o other.so
is "what the sources do not make is refused with the function" \
    "$status $(grep -c 'is no rebuild of .*discount.*; is it the same version, built with the same compiler' "$ERR")" "1 1"
# A library that configure scripts find on this machine alone: sources that no flag of the package tells of.
sed 's|^#include "lib/price.h"|&\n#include <zlib.h>|; s|printf("%s %d|zlibVersion(), &|' package/shop-1.0/shop.c >zlib.c
make_package 4.0 2
cp zlib.c package/shop-4.0/shop.c
sed -i 's|shop libprice.so$|& -lz|' package/shop-4.0/debian/rules
(cd package && dpkg-source -b shop-4.0 >/dev/null 2>&1) || exit 1
run hotfix build --dsc package/shop_4.0.dsc --target built-1.0/tree/shop --patch fix.patch -o other.so
is "what more is installed here is told where the rebuild has it" "$status $(grep -o '; the rebuild alone .*' "$ERR")" \
    "1 ; the rebuild alone needs libz.so.1: build where no more than the build dependencies is installed"
ship 4.0
cp shipped-4.0/usr/sbin/shopd shop
run hotfix build --dsc package/shop_1.0.dsc --target shop --patch fix.patch -o other.so
is "what is not installed here, too" "$status $(grep -o '; the rebuild does .*' "$ERR")" \
    "1 ; the rebuild does not need libz.so.1: the package that has it for builds is not installed"
rm -rf "$TMPDIR"/hotfix-build.* "$(echo cache/hotfix/packages/shop_4.0_*)"
run build 1.1
is "a program that another version has too is proven all the same" "$status $(cat "$ERR")" "0 $lite"

# The cache.
run hotfix cache
is "the cache is listed" "$status $(awk '/^shop/ { print $1 }' "$OUT" | sed 's/_[0-9a-f]\{12\}$//' | sort | xargs)" \
    "0 shop_1.0 shop_1.1 shop_1.2 shop_3.0"
run hotfix cache --json
is "for programs too" "$(json entries.0.name | sed 's/_[0-9a-f]*$//') $(json limit)" "shop_1.1 10737418240"
exec 9<"$(echo cache/hotfix/packages/shop_1.0_*)/lock"
flock 9
run hotfix cache --clear 'shop_1.[02]_*'
is "what somebody works with stays" "$status $(tail -n 1 "$OUT")" "0 1 removed"
exec 9<&-
run hotfix cache --max-size 1K
is "beyond the limit what was used longest ago goes" "$status $(tail -n 1 "$OUT")" "0 3 removed"
run build 1.0
is "what is larger than the limit does not stay" "$status $(ls cache/hotfix/packages)" "0 "
expect 2 "hotfix cache: --max-size: '1X' is no size: a number of bytes, or one with K, M, G or T" "a size is a number" \
    hotfix cache --max-size 1X
chmod 777 cache/hotfix
run build 1.0
is "a cache that others may write to is not used" "$status" 4

finish
