#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The example of a fix in C++ runs as its page says.

. "$(dirname "$0")/../story/lib.sh"

if [ -n "${SAN-}" ]; then
    echo "1..0 # SKIP a library with sanitizers is for programs with sanitizers"
    exit 0
fi
make -C "$ROOT" --no-print-directory BUILD="$BUILD" CC="$CC" install PREFIX="$SCRATCH/usr" >install.log 2>&1 || exit 1
export PKG_CONFIG_PATH=$SCRATCH/usr/lib/pkgconfig
export LD_LIBRARY_PATH=$SCRATCH/usr/lib
export PATH=$SCRATCH/usr/bin:$PATH
page=$ROOT/examples/orders/README.md

# block N: the nth fenced block of commands.
block() {
    awk -v wanted="$1" '$0 == "```sh" { inside = ++n == wanted; next } $0 == "```" { inside = 0 } inside' "$page"
}

# said N: the three lines that the program prints, as the page has them for the nth time.
said() {
    sed -n 's/^    \(released\|fixed\|reverted\)/\1/p' "$page" | sed -n "$((3 * $1 - 2)),$((3 * $1))p"
}

cp -r "$ROOT/examples/orders" example && cd example || exit 1
for step in 1 2 3; do
    block "$step" >step.sh
    run bash -e step.sh
    is "step $step works" "$status" 0 || diagnose <"$ERR"
    [ "$step" = 1 ] || is "and prints what the page says" "$(tail -n 3 "$OUT")" "$(said $((step - 1)))"
    [ "$step" != 1 ] || is "and says what changed" "$(grep '^changed' "$OUT")" "$(sed -n 's/^    \(changed .*\)/\1/p' "$page")"
done
expect 2 "$(sed -n 's/^    \(hotfix pack: \)/\1/p' "$page")" "a name that means several functions is not guessed at" \
    hotfix pack --target shop --patch fix.so --key engineer.key --name refund --version 3 --func total

finish
