#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What of the machine that built a package is in its program: the directory of the build, versions of what was installed
# there. `hotfix build --dsc` builds in the same directory, or says what differs. The package builds in a copy of its
# sources.

. "$(dirname "$0")/lib.sh"

export CC=gcc # as Debian builds its packages
export XDG_CACHE_HOME=$SCRATCH/cache BUILT_LOG=$SCRATCH/tmp/built
export TMPDIR=$SCRATCH/tmp
mkdir "$TMPDIR"

mkdir -p package/mill-1.0/debian/source package/mill-1.0/src
cd package/mill-1.0 || exit 1
echo '3.0 (native)' >debian/source/format
printf 'mill (1.0) stable; urgency=low\n\n  * Test.\n\n -- T <t@example.org>  Mon, 02 Nov 2026 10:00:00 +0000\n' >debian/changelog
cat >debian/control <<'CONTROL'
Source: mill
Section: misc
Priority: optional
Maintainer: T <t@example.org>
Standards-Version: 4.6.2

Package: mill
Architecture: any
Description: a mill
 It grinds.
CONTROL
cat >debian/rules <<'RULES'
#!/usr/bin/make -f
include /usr/share/dpkg/buildflags.mk
clean:
	rm -rf flavour debian/mill debian/files debian/substvars
build: build-arch
build-arch:
	[ -z "$$BUILT_LOG" ] || echo built in $(CURDIR) >>"$$BUILT_LOG"
	mkdir flavour
	cp -a src flavour/src
	cd flavour && $(CC) $(CFLAGS) -DFLAGS='"$(CFLAGS)"' -c src/mill.c && $(CC) $(LDFLAGS) mill.o -o mill
binary: binary-arch
binary-arch:
	install -D flavour/mill debian/mill/usr/bin/mill
ifeq (,$(filter nostrip,$(DEB_BUILD_OPTIONS)))
	strip debian/mill/usr/bin/mill
endif
	mkdir -p debian/mill/DEBIAN
	dpkg-gencontrol -pmill -Pdebian/mill
	dpkg-deb --root-owner-group -Znone -b debian/mill ..
RULES
chmod +x debian/rules
cat >src/mill.c <<'SOURCE'
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>
#include "stone.h"

static int ground;

__attribute__((noinline)) static int grind(int corn)
{
    ground++;
    return corn * STONE + ground;
}

int main(int argc, char **argv)
{
    printf("%d %s %s\n", grind(argc > 1 ? atoi(argv[1]) : 1), FLAGS, "zlib " ZLIB_VERSION);
    return 0;
}
SOURCE
echo '#define STONE 2' >src/stone.h
echo '#define WIND 2' >src/wind.h
cd .. && dpkg-source -b mill-1.0 >/dev/null 2>&1 || exit 1
cd .. || exit 1
cat >fix.patch <<'PATCH'
--- a/src/mill.c
+++ b/src/mill.c
@@ -8,7 +8,7 @@
 __attribute__((noinline)) static int grind(int corn)
 {
     ground++;
-    return corn * STONE + ground;
+    return corn < 0 ? 0 : corn * STONE + ground;
 }
 
 int main(int argc, char **argv)
PATCH
printf -- '--- a/src/stone.h\n+++ b/src/stone.h\n@@ -1 +1 @@\n-#define STONE 2\n+#define STONE 3\n' >stone.patch
printf -- '--- a/src/wind.h\n+++ b/src/wind.h\n@@ -1 +1 @@\n-#define WIND 2\n+#define WIND 3\n' >wind.patch

# ship DIRECTORY NAME: what a distribution makes of the package there, which is gone then.
ship() {
    mkdir -p "$1"
    (cd "$1" && dpkg-source -x "$SCRATCH/package/mill_1.0.dsc" >/dev/null && cd mill-1.0 &&
        BUILT_LOG='' DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage -B -d --no-sign) >"$SCRATCH/ship.log" 2>&1 ||
        { cat "$SCRATCH/ship.log"; exit 1; }
    cp "$1/mill-1.0/debian/mill/usr/bin/mill" "$2"
    rm -rf "$1"
}

# build TARGET [OPTION...]
build() {
    local target=$1
    shift
    hotfix build --dsc package/mill_1.0.dsc --target "$target" --patch fix.patch -o patch.so "$@"
}

ship "$SCRATCH/away/made" mill
rmdir away
run build mill
is "the package is built where the distribution built it" "$status $(cat "$ERR") $(sort -u "$BUILT_LOG")" \
    "0  built in $SCRATCH/away/made/mill-1.0"
is "which is what was shipped" "$(head -n 1 "$OUT")" "mill is what the sources build: all that is loaded is the same"
ok "of the copy of the sources that it builds in" grep -q '^changed  .*mill.o: grind$' "$OUT"
ok "that directory is nobody else's" test ! -e away
is "and nothing is left behind" "$(ls "$TMPDIR")" built
cp patch.so first.so
rm "$BUILT_LOG"
run build mill
is "the first build there is kept" "$status $(cmp patch.so first.so && echo same) $(wc -l <"$BUILT_LOG")" "0 same 1"
BUILT_LOG='' run build mill --isolate
is "an isolated build works there as well" "$status $(cat "$ERR") $(cmp patch.so first.so && echo same)" "0  same"

run build mill --patch stone.patch --patch wind.patch
is "a changed file that no compile reads the copy of is named, and no other" "$status $(cat "$ERR")" \
    "0 hotfix build: warning: src/wind.h: changed by the patch, read by no compile of the target"

mkdir -p away/made/mine
run build mill
is "a directory that is somebody's is left alone, and what differs is said" \
    "$status $(grep -c "; it says '-ffile-prefix-map=$SCRATCH/away/made/mill-1.0=" "$ERR") $(ls away/made)" "1 1 mine"
rm -rf away "$TMPDIR"/hotfix-build.*

if [ "$(id -u)" = 0 ]; then
    top=/hotfix-story-$$
    ship "$top/made" mill-top
    rmdir "$top"
    rm -f "$BUILT_LOG"
    run build mill-top
    is "below the root directory, too" "$status $(cat "$ERR") $(sort -u "$BUILT_LOG") $(ls -d "$top" 2>/dev/null)" \
        "0  built in $top/made/mill-1.0 "
    BUILT_LOG='' run build mill-top --isolate
    is "and isolated" "$status $(cat "$ERR")" "0 "
    # An ordinary user does it in a user namespace, in which root's files belong to nobody.
    install -d -m 700 -o 12345 -g 12345 user
    chmod 711 "$SCRATCH"
    user() {
        setpriv --reuid 12345 --regid 12345 --clear-groups env HOME="$SCRATCH/user" TMPDIR="$SCRATCH/user" \
            XDG_CACHE_HOME="$SCRATCH/user" BUILT_LOG="$SCRATCH/user/built" "$@"
    }
    if user "$BUILD/hotfix" --version >/dev/null 2>&1 && user unshare -Um true 2>/dev/null; then
        for _ in 1 2; do
            run user "$BUILD/hotfix" build --dsc package/mill_1.0.dsc --target mill-top --patch fix.patch -o user/patch.so
        done
        is "who is not root builds there, too, and has the first build kept" \
            "$status $(cat "$ERR") $(sort user/built | uniq -c | xargs)" "0  3 built in $top/made/mill-1.0"
    else
        ok "who is not root # SKIP user namespaces are not allowed here" true
    fi
else
    : # only root can build in a directory of the root directory's
fi

# A library of another version, as the machine had it that built the package.
version=$(sed -n 's/^#define ZLIB_VERSION "\(.*\)"$/\1/p' /usr/include/zlib.h)
mkdir other
other=$(printf '%s' "$version" | tr 0-8 1-9)
sed "s/zlib $version/zlib $other/" mill >other/mill
run build other/mill
is "what the installed version of a library says is told with its package" \
    "$status $(grep -c "; it says '$other' where the rebuild says '$version', as does /usr/include/zlib.h (zlib1g-dev .*): install the version that there was when the target was built" "$ERR")" \
    "1 1"

finish
