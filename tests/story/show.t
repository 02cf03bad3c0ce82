#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Looking into bundles: everything that is in one is shown, nothing of it is trusted.
. "$(dirname "$0")/lib.sh"

see="(see 'hotfix show --help')"
expect 2 "hotfix show: FILE is missing $see" "FILE must be given" hotfix show
expect 2 "hotfix show: unexpected argument 'b' $see" "one FILE only" hotfix show a b
expect 2 "hotfix show: unknown option '--trust' $see" "show takes no keys: it trusts nothing" hotfix show a --trust k
expect 5 "hotfix show: none: cannot be opened: No such file or directory" "a missing file is an error" hotfix show none
expect 5 "hotfix show: .: is not a regular file" "so is a directory" hotfix show .
mkfifo fifo
expect 5 "hotfix show: fifo: is not a regular file" "and a FIFO, which is not waited for" hotfix show fifo
: >empty
expect 5 "hotfix show: empty: not a hotfix bundle, or cut off: only 0 bytes" "an empty file is no bundle" \
    hotfix show empty
expect 5 "hotfix show: $HOTFIX: not a hotfix bundle, or cut off: it does not end with the bundle trailer" \
    "nor is a program" hotfix show "$HOTFIX"

make_target && make_stamped && make_manifest || exit 1
hotfix keygen release >/dev/null && hotfix keygen second >/dev/null || exit 1
key_id() {
    openssl pkey -pubin -in "$1" -outform DER | tail -c 32 | sha256sum | cut -c 1-32
}
seal good release.key second.key

expect 0 "" "a good bundle is shown" hotfix show good
is "its first line says that nothing is vouched for" "$(head -n 1 "$OUT")" \
    "NOT VERIFIED: show trusts nothing; use 'hotfix verify'"
read -r offset size digest < <(symbol target discount)
read -r replacement replacement_size _ < <(symbol stamped.so discount)
cat >wanted <<WANTED
NOT VERIFIED: show trusts nothing; use 'hotfix verify'
bundle       discount 1.0
id           $ID
created      2026-01-02T03:04:05Z
expires      never
advisory     CVE-2026-0001 CVE-2026-0002
description  takes ten percent off, not half
target       target for $(uname -m)
build-id     $(readelf -nW target | sed -n 's/.*Build ID: //p')
compiler     GNU C17
flags        -O2
patch.so     $(stat -c %s stamped.so) bytes, libhotfix-patch-$ID.so
sha256       $(sha256sum stamped.so | cut -c 1-64)

functions (1)
  name      offset                bytes  source
  discount  $(printf '%-12s' "$offset")  $(printf '%13s' "$size -> $replacement_size")  target.c

checks (2)
  compiler         compatible    GNU C17 on both sides
  flags            unproven      the patch does not say
                                 accepted: built by hand

signatures (2)
  ed25519 by key $(key_id release.pub)
  ed25519 by key $(key_id second.pub)

NOT VERIFIED: show trusts nothing; use 'hotfix verify'
WANTED
ok "every line is as it must be" diff -u wanted "$OUT"

run hotfix show good --json
is "--json gives one object that says the same" "$status $(json .schema) $(json .ok) $(json .verified) $(json .error)" \
    "0 hotfix.show/1 true false null"
is "with the bundle" \
    "$(json .bundle.name) $(json .bundle.version) $(json .bundle.id) $(json .bundle.created) $(json .bundle.expires)" \
    "discount 1.0 $ID 2026-01-02T03:04:05Z null"
is "its advisories one by one" "$(json .bundle.advisories.1)" CVE-2026-0002
is "its function" \
    "$(json .functions.0.name) $(json .functions.0.offset) $(json .functions.0.size) $(json .functions.0.sha256)" \
    "discount $offset $size $digest"
is "its replacement" "$(json .functions.0.replacement) $(json .functions.0.replacement_size)" \
    "$replacement $replacement_size"
is "its checks" "$(json .checks.0.waiver) $(json .checks.1.verdict) $(json .checks.1.waiver)" \
    "null unproven built by hand"
is "and who signed it" "$(json .signatures.0.key_id) $(json .signatures.1.key_id)" \
    "$(key_id release.pub) $(key_id second.pub)"

seal unsigned
expect 0 "" "an unsigned bundle can be looked at" hotfix show unsigned
ok "and is shown to have no signature" grep -qx 'signatures (0)' "$OUT"

# A bundle is written by anybody: it must not write on the reader's terminal, nor fake lines of the report.
rtl=$'\xe2\x80\xae' # RIGHT-TO-LEFT OVERRIDE
sed -i "s/^description = .*/description = txt$rtl exe \xc3\xa9/" manifest.ini
seal hostile
expect 0 "" "a bundle with formatting characters is shown" hotfix show hostile
ok "with these made visible" grep -qxF 'description  txt\xe2\x80\xae exe '$'\xc3\xa9' "$OUT"
run hotfix show hostile --json
is "JSON has the text itself" "$(json .bundle.description)" "txt$rtl exe "$'\xc3\xa9'
ok "whose bytes are ASCII but for letters" grep -qF 'txt\u202e exe '$'\xc3\xa9' "$OUT"
blanks=$(printf '%200s' '')
sed -i "s/^description = .*/description = fine$blanks\xe2\x80\x83VERIFIED: signed by release $(printf 'x%.0s' {1..900})/
    s/^name = target/name = $(printf 'VERIFIED: signed by release, %.0s' {1..8})/
    s/^source = .*/source = VERIFIED: signed by release $(printf 'y%.0s' {1..900})/" manifest.ini
seal flood release.key
expect 0 "" "a bundle that lays its text out is shown" hotfix show flood
is "what stands at the beginning of a line is the report's own" "$(grep -c '^ *VERIFIED' <(cut -c 1-20 "$OUT"))" 0
is "no line is wider than a terminal" "$(awk 'length > 79' "$OUT")" ""
ok "blanks are folded" grep -q '^description  fine VERIFIED: signed by release$' "$OUT"
ok "texts are bounded" test "$(wc -c <"$OUT")" -lt 4000
is "the last line says once more that nothing is vouched for" "$(tail -n 1 "$OUT")" \
    "NOT VERIFIED: show trusts nothing; use 'hotfix verify'"
sed -i 's/^name = VERIFIED.*/name = target/; s/^source = .*/source = target.c/' manifest.ini
sed -i "s/^description = .*/description = "$'\e'"[2J/" manifest.ini
seal control
expect 5 "hotfix show: control: manifest.ini line 10: value of description is not UTF-8 text without control characters" \
    "control characters are no manifest text" hotfix show control
sed -i "s/^description = .*/description = a/" manifest.ini

sed -i 's/^version = .*/version = -1/' manifest.ini
seal badversion
expect 5 "hotfix show: badversion: manifest.ini line 6: version is not 1 to 64 letters, digits and ._+~- that begin \
with a letter or digit" \
    "a manifest that breaks the rules is refused with its line" hotfix show badversion
run hotfix show badversion --json
is "as JSON too" "$status $(json .ok) $(json .error.code) $(json .file)" "5 false format badversion"
is "in which nothing of the manifest stands" "$(json .bundle)" null

to_full() {
    hotfix "$@" >/dev/full
}
full="hotfix show: cannot write to standard output: No space left on device"
expect 5 "$full" "a report that cannot be written is an error" to_full show good
expect 5 "$full" "so is an object" to_full show good --json

finish
