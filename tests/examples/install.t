#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An installed copy, used by strangers: programs in C and C++, linked with the shared and the static library, and the
# worked example of the README, as it stands there.

. "$(dirname "$0")/../story/lib.sh"

if [ -n "${SAN-}" ]; then
    echo "1..0 # SKIP a library with sanitizers is for programs with sanitizers"
    exit 0
fi

install() {
    make -C "$ROOT" --no-print-directory BUILD="$BUILD" CC="$CC" "$@" install >install.log 2>&1
}

operator='' agent=''
[ ! -e "$BUILD/hotfixctl" ] || operator='./bin/hotfixctl ' agent='./lib/hotfix/libhotfix-agent.so ./lib/hotfix/libhotfix-inside.so '
ok "make install works" install PREFIX="$SCRATCH/usr"
is "it installs these files" "$(cd usr && find . ! -type d | grep -v '/share/man/' | sort | xargs)" \
    "./bin/hotfix $operator./include/hotfix.h ./include/hotfix/error.h $agent./lib/libhotfix.a ./lib/libhotfix.so ./lib/libhotfix.so.0 ./lib/libhotfix.so.0.1.0 ./lib/pkgconfig/hotfix.pc ./share/bash-completion/completions/hotfix ./share/bash-completion/completions/hotfixctl \
./share/fish/vendor_completions.d/hotfix.fish ./share/fish/vendor_completions.d/hotfixctl.fish ./share/hotfix/check.schema.json \
./share/zsh/site-functions/_hotfix"
is "it installs every man page" "$(cd usr/share/man && find . -type f -printf '%f\n' | sort)" \
    "$(find "$ROOT/docs/man" -type f -printf '%f\n' | sort)"
ok "make install can be staged" install PREFIX=/opt/hotfix DESTDIR="$SCRATCH/stage"
is "what is staged is told of the final place" "$(sed -n 's/^prefix=//p' stage/opt/hotfix/lib/pkgconfig/hotfix.pc)" \
    /opt/hotfix

export PKG_CONFIG_PATH=$SCRATCH/usr/lib/pkgconfig
export LD_LIBRARY_PATH=$SCRATCH/usr/lib
export PATH=$SCRATCH/usr/bin:$PATH

cat >program.c <<'SOURCE'
#include <hotfix.h>
#include <stdio.h>

int main(void)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix *hotfix = NULL;
    struct hotfix_error error;

    options.trust = "/nowhere";
    if (hotfix_open(&options, &hotfix, &error) == 0)
        return 1;
    printf("%s %d\n", hotfix_version(), error.code != HOTFIX_OK);
    return 0;
}
SOURCE
cp program.c program.cc

# links CLAIM COMMAND...: a program made so runs.
links() {
    local claim=$1
    shift
    "$@" -o program 2>link.log || diagnose <link.log
    is "$claim" "$(./program)" "0.1.0 1"
    rm -f program
}
mapfile -t flags < <(pkg-config --cflags --libs hotfix | xargs -n 1)
mapfile -t include < <(pkg-config --cflags hotfix | xargs -n 1)
links "a C program links the shared library" "$CC" program.c "${flags[@]}"
links "a C++ program does" g++ program.cc "${flags[@]}"
links "a C program links the static library" "$CC" program.c "${include[@]}" -Lusr/lib -l:libhotfix.a -lcrypto
links "a C++ program does, too" g++ program.cc "${include[@]}" -Lusr/lib -l:libhotfix.a -lcrypto
is "pkg-config knows the version" "$(pkg-config --modversion hotfix)" 0.1.0

# block LANGUAGE N: the nth fenced block of that language in the README.
block() {
    awk -v fence="\`\`\`$1" -v wanted="$2" '
        $0 == fence { inside = ++n == wanted; next }
        $0 == "```" { inside = 0 }
        inside' "$ROOT/README.md"
}

mkdir example
cd example || exit 1
block c 1 >price.c
block c 2 >shop.c
for step in 1 2 3; do
    block sh "$step" >step.sh
    run bash -e step.sh
    is "step $step of the README's example works" "$status $(cat "$ERR")" "0 "
done
is "it prints what the README says" "$(cat "$OUT")" "$(grep -A 2 '^    released:' "$ROOT/README.md" | sed 's/^    //')"

# The program that knows nothing of the library.
if [ -n "$operator" ]; then
    block c 4 >till.c
    for step in 4 5; do
        block sh "$step" >step.sh
        run bash -e step.sh
        is "step $step of the README's example works" "$status $(cat "$ERR")" "0 "
    done
    is "a running program's price changes as the README says" "$(grep -v '^process' "$OUT" | xargs)" \
        "$(grep -A 3 '^    17014' "$ROOT/README.md" | grep -v process | xargs)"
fi

# The functions of the second example, with what they leave out around them.
{
    printf '#include <stdlib.h>\nstruct session { int id; };\n'
    block c 3
    printf 'int main(void)\n{\n    struct session *session = calloc(1, sizeof *session);\n    int in = 0;\n
    for (int i = 0; session && i < 6; i++)\n        in += session_login(session, i == 0 || i == 5);\n
    session_close(session);\n    hotfix_on_revert();\n    return in;\n}\n'
} >session.c
ok "the README's new field compiles" "$CC" -Wall -Wextra -Werror -o session session.c "${flags[@]}"
run ./session
is "it counts failures" "$status" 1

is "the README's exit statuses are those of the command" \
    "$(sed -n 's/^| \([0-9]*\) | \(.*\) |$/\1 \2/p' "$ROOT/README.md")" \
    "$(hotfix --help | sed -n '/^Exit status:/,$s/^ *\([0-9][0-9]*\) *\(.*\)/\1 \2/p')"
is "the README's table has every verb" \
    "$(sed -n 's/^| `hotfix \([a-z]*\) .*/\1/p' "$ROOT/README.md" | sort)" \
    "$(hotfix --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\)  .*/\1/p' | sort)"

finish
