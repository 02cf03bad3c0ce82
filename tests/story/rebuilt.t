#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A target that was stripped, and the same program built once more: `--rebuilt` of build, check and pack.

. "$(dirname "$0")/lib.sh"

# make_tree DIR DISCOUNT: a program from a directory of its own, which its debug information names.
make_tree() {
    mkdir -p "$1"
    cat >"$1/shop.c" <<SOURCE
#include <stdio.h>
static int calls;
__attribute__((noinline)) static int discount(int price)
{
    calls++;
    return price > 100 ? price / $2 + calls : price;
}
int serve(int price) { return discount(price * 1000) + discount(price * 50); }
int (*volatile called)(int price) = serve; /* no caller in main that a compiler would fit to it */
int main(int argc, char **argv)
{
    (void)argv;
    printf("%d\n", called(argc));
    return 0;
}
SOURCE
    (cd "$1" && $CC -O2 -g -o shop shop.c) || exit 1
}

make_tree shipped 2
make_tree rebuilt 2
make_tree other 3
strip shipped/shop
sed 's|price / 2|price - price / 10|' rebuilt/shop.c >fixed.c
for object in old/shop.o new/shop.o; do
    mkdir -p "${object%/*}"
done
(cd rebuilt && $CC -O2 -g -ffunction-sections -fdata-sections -c -o ../old/shop.o shop.c && cp ../fixed.c shop.c &&
    $CC -O2 -g -ffunction-sections -fdata-sections -c -o ../new/shop.o shop.c) || exit 1
hotfix keygen key >/dev/null

run hotfix build --target shipped/shop --rebuilt other/shop --old old --new new -o patch.so
is "what is another program is no rebuild" "$status $(sed 's|\(shipped/shop\): .*|\1|' "$ERR")" \
    "1 hotfix build: other/shop is no rebuild of shipped/shop"
expect 2 "hotfix build: --rebuilt takes the place of --debug" "one file has the symbols" \
    hotfix build --target shipped/shop --rebuilt rebuilt/shop --debug rebuilt/shop --old old --new new -o patch.so
run hotfix build --target shipped/shop --rebuilt rebuilt/shop --old old --new new -o patch.so
is "a rebuild is proven" "$status $(head -n 1 "$OUT")" \
    "0 rebuilt/shop is shipped/shop rebuilt: all that is loaded is the same"
ok "the fix is compared with what was shipped" grep -q '^changed *shop.o: ' "$OUT"
run hotfix pack --target shipped/shop --rebuilt other/shop --patch patch.so --unsigned -o fix.hotfix
is "pack asks for the proof too" "$status $(sed 's|\(shipped/shop\): .*|\1|' "$ERR")" \
    "1 hotfix pack: target: other/shop is no rebuild of shipped/shop"
run hotfix pack --target shipped/shop --rebuilt rebuilt/shop --patch patch.so --key key.key \
    --name shop --version 1 --provenance shop.json -o fix.hotfix
is "and packs with the rebuild" "$status $(cat "$ERR")" "0 "
run hotfix verify fix.hotfix --trust key.pub --target shipped/shop --provenance shop.json
is "the bundle is for what was shipped" "$status $(cat "$ERR")" "0 "
ok "provenance tells of the rebuild" grep -q "target-rebuilt" "$OUT"
run hotfix check --target shipped/shop --debug rebuilt/shop --patch patch.so
is "--debug takes it as well, by the same proof" "$status $(cat "$ERR")" "0 "
run hotfix check --target shipped/shop --debug other/shop --patch patch.so
is "and refuses another" "$status $(sed 's|\(no rebuild of shipped/shop\): .*|\1|' "$ERR")" \
    "1 hotfix check: target: debug file other/shop belongs to another build than shipped/shop: other/shop is no rebuild of shipped/shop"

finish
