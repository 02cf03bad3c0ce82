#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make deb, and what `make install` has for shells: what is in the packages works where they are unpacked.
. "$(dirname "$0")/lib.sh"

if ! command -v dpkg-shlibdeps >/dev/null || [ -n "${SAN-}" ]; then
    echo "1..0 # SKIP no dpkg-dev here, or a build with sanitizers"
    exit 0
fi
export SOURCE_DATE_EPOCH=1700000000 DEBFULLNAME='Release Engineering' DEBEMAIL=release@packages.debian.org DEB_COMPRESSION=none
version=$("$BUILD/hotfix" --version | sed 's/.* //')
make_packages() {
    make -s -C "$ROOT" -o all deb BUILD="$BUILD" CC="$CC" DEB="$PWD/$1" >"$OUT" 2>"$ERR"
}
make_packages first || {
    diagnose <"$ERR"
    exit 1
}
wanted='hotfix-agent hotfix hotfixctl libhotfix-dev libhotfix0'
[ -x "$BUILD/hotfixctl" ] || wanted='hotfix libhotfix-dev libhotfix0'
is "make deb makes these" "$(cd first && printf '%s\n' *.deb | sed 's/_.*//' | xargs)" "$wanted"
for package in first/*.deb; do
    dpkg-deb -x "$package" root && dpkg-deb -f "$package" Package Version Depends
done >fields
is "of this version" "$(grep -c "^Version: $version$" fields)" "$(wc -w <<<"$wanted")"
is "no file is in two of them" "$(for package in first/*.deb; do dpkg-deb -c "$package" | awk '!/^d/ { print $6 }'; done | sort | uniq -d)" ""
is "nothing in them names this tree" "$(grep -rlaF "$ROOT" root)" ""
is "all files are root's, and none may be written to by others" "$(for package in first/*.deb; do dpkg-deb -c "$package"; done |
    awk '$2 != "root/root" || (substr($1, 1, 1) != "l" && substr($1, 9, 1) == "w")')" ""
is "the commands run from there" "$(LD_LIBRARY_PATH='' root/usr/bin/hotfix --version)" "hotfix $version"
if [ -x "$BUILD/hotfixctl" ]; then
    is "that of the operator, too, which needs little" \
        "$(root/usr/bin/hotfixctl --version) $(grep -A 2 '^Package: hotfixctl' fields | sed -n 's/^Depends: //p' | sed 's/ ([^)]*)//g')" \
        "hotfixctl $version libc6, libssl3"
fi
library=$(dirname root/usr/lib/*/libhotfix.a)
cat >program.c <<'SOURCE'
#include <hotfix.h>
#include <stdio.h>
int main(void)
{
    return puts(hotfix_version()) < 0;
}
SOURCE
"$CC" -Iroot/usr/include -o program program.c -L"$library" -lhotfix 2>"$ERR" || diagnose <"$ERR"
is "a program is built with the development package, and runs with the library's" "$(LD_LIBRARY_PATH=$library ./program)" "$version"
make_packages second
ok "the same build makes the same bytes" diff -r first second
if command -v lintian >/dev/null; then
    is "lintian has nothing to say" "$(lintian --fail-on none --suppress-tags uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball \
        first/*.deb 2>&1 | grep '^[EW]:')" ""
fi

# Completion: each shell that is here is asked.
words='apply disable disable-unit doctor enable enable-unit revert show status verify'
if [ -x "$BUILD/hotfixctl" ]; then
    PATH=$PWD/root/usr/bin:$PATH
    # bash_says WORD...: what bash offers for the last of them.
    bash_says() {
        bash -c '. root/usr/share/bash-completion/completions/hotfix
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
            _hotfix_complete "$1" "${!#}" "${@:$#-1:1}"; echo "${COMPREPLY[@]}"' bash "$@"
    }
    is "bash completes verbs" "$(bash_says hotfixctl '' | tr ' ' '\n' | grep -v '^-' | sort | xargs)" "$words"
    is "and options of a verb" "$(bash_says hotfixctl apply --ma) $(bash_says hotfix show --js)" "--max-failures --json"
    if command -v fish >/dev/null; then
        is "so does fish" "$(fish -c "source root/usr/share/fish/vendor_completions.d/hotfix.fish; complete -C 'hotfixctl '" | sort | xargs)" "$words"
        is "options, too" "$(fish -c "source root/usr/share/fish/vendor_completions.d/hotfix.fish; complete -C 'hotfixctl apply --ma'" | xargs)" \
            --max-failures
    fi
    if command -v zsh >/dev/null; then
        is "zsh can read its file" "$(zsh -n root/usr/share/zsh/vendor-completions/_hotfix 2>&1)" ""
    fi
fi
finish
