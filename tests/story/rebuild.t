#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A second party packs the same inputs once more and sees that nothing else is in the bundle, then signs it, too.
. "$(dirname "$0")/lib.sh"

make_target || exit 1
compile=("$CC" -O2 -g "-Wl,--build-id=sha1")
# clang records its flags only when it is told to.
"$CC" --version | grep -q clang && compile+=(-grecord-command-line)
printf '\nconst char what[] __attribute__((used)) = "rounds";\n' >>patch.c
"${compile[@]}" -o target target.c target_main.c && "${compile[@]}" -fPIC -shared -o patch.so patch.c || exit 1
for key in builder second; do
    hotfix keygen "$key" >/dev/null || exit 1
done
verify() {
    hotfix verify "${bundle:-fix}" --trust builder.pub "$@"
}
run hotfix pack --target target --patch patch.so --func discount --key builder.key --advisory CVE-2026-1 --sequence 7 \
    --description "rounds right" --expires 2099-12-31 --supersedes 00112233445566778899aabbccddeeff --quiescent -o fix
is "a bundle is packed" "$status" 0

expect 2 "hotfix verify: --rebuild packs for a target: give --target BIN, too" "the target must be there" \
    verify --rebuild patch.so
expect 2 "hotfix verify: --debug and --patch-debug are for --rebuild" "debug files are for packing" verify --debug target
expect 5 "hotfix verify: fix: it cannot be shown to be packed from none: patch: none: cannot be opened: No such file or directory" \
    "and the patch" verify --target target --rebuild none
sed 's/total \/ 10/total \/ 5/' patch.c >other.c
mkdir other && "${compile[@]}" -fPIC -shared -o other/patch.so other.c || exit 1
run verify --target target --rebuild other/patch.so
is "another patch is not the one" "$status $(grep -c 'it cannot be shown to be packed from other/patch.so' "$ERR")" "1 1"
perl -0777 -pe 's/rounds/ROUNDS/' patch.so >edited.so
run verify --target target --rebuild edited.so
is "nor is one with an edited byte, whose place is told" "$status $(sed 's/.*from edited.so: //; s/0x[0-9a-f]*/N/' "$ERR")" \
    "1 patch.so differs from the one packed again, first at byte N"
run verify --target target --rebuild patch.so
is "the same inputs give the same bytes" "$status $(cat "$ERR")" "0 "
ok "which it says" grep -q '^rebuild .*packed again from patch.so and target, its archive part is the same, byte for byte$' "$OUT"
run verify --target target --rebuild patch.so --json
is "in JSON as well" "$(json .verified.5)" rebuild
cp fix signed && run hotfix sign signed --key second.key
bundle=signed
run verify --target target --rebuild patch.so
is "signatures make no difference" "$status" 0
bundle=

# With waivers, and separate debug files.
silent=-gno-record-gcc-switches
"$CC" --version | grep -q clang && silent=-gno-record-command-line
"${compile[@]}" $silent -fPIC -shared -o silent.so patch.c || exit 1
run hotfix pack --target target --patch silent.so --func discount --key builder.key --accept-flags "the same make rule" -o fix
is "a bundle with waivers is packed" "$status" 0
run verify --target target --rebuild silent.so
is "they are made again" "$status $(cat "$ERR")" "0 "
objcopy --only-keep-debug target target.debug && strip -o stripped target
run hotfix pack --target stripped --debug target.debug --patch patch.so --func discount --key builder.key -o fix
is "a stripped target is packed for with its debug file" "$status" 0
run verify --target stripped --rebuild patch.so
is "without the debug file it cannot be shown" "$([ "$status" = 0 ] || echo refused)" refused
run verify --target stripped --debug target.debug --rebuild patch.so
is "with it it can" "$status $(cat "$ERR")" "0 "

finish
