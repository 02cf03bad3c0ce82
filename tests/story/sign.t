#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Building and signing apart: bundles without a signature, signatures that are added, and such as are made elsewhere, by
# openssl. Keys in tokens have a story of their own, token.t.
. "$(dirname "$0")/lib.sh"

see="(see 'hotfix sign --help')"
expect 2 "hotfix sign: FILE is missing $see" "FILE must be given" hotfix sign
expect 2 "hotfix sign: give one of --key, --export and --import" "what to do must be said" hotfix sign b
expect 2 "hotfix sign: give one of --key, --export and --import" "and only once" hotfix sign b --key k --export s
expect 2 "hotfix sign: --import goes with one of --pub and --cert: whose signature is it?" "a signature is somebody's" \
    hotfix sign b --import s
expect 2 "hotfix sign: --passphrase-file is for --key" "no key, no passphrase" hotfix sign b --export s --passphrase-file p
expect 2 "hotfix sign: --export changes no bundle: --output has no use" "an export writes no bundle" \
    hotfix sign b --export s -o c
run hotfix sign b --key 'pkcs11:token=t'
is "an Ed25519 key in a token is told how it signs" "$status $(grep -c 'pkcs11-tool' "$ERR")" "2 1"

make_target && make_stamped && make_manifest || exit 1
for key in release second third; do
    hotfix keygen "$key" >/dev/null || exit 1
done
key_id() {
    openssl pkey -pubin -in "$1" -outform DER | tail -c 32 | sha256sum | cut -c 1-32
}
mkdir trust && cp second.pub trust
seal signed release.key
seal unsigned
# archive FILE: the part that is signed
archive() {
    head -c "$(perl -e 'open F, "<", shift; seek F, -16, 2; read F, my $t, 4; print +(-s F) - 16 - unpack "V", $t' "$1")" "$1"
}

expect 4 "hotfix verify: unsigned: not signed" "a bundle without a signature is refused" \
    hotfix verify unsigned --trust trust
run hotfix show unsigned --json
is "it can be shown" "$status $(json .signatures)" "0 "

for file in none . "$HOTFIX"; do
    run hotfix sign "$file" --key release.key
    ok "$(basename "$file") cannot be signed" [ "$status" != 0 ]
done
mkfifo fifo
expect 5 "hotfix sign: fifo: is not a regular file" "nor can a FIFO, which is not waited for" hotfix sign fifo --key release.key
head -c 1000 signed >short
expect 5 "hotfix sign: short: not a hotfix bundle, or cut off: it does not end with the bundle trailer" \
    "nor a bundle that is cut off" hotfix sign short --key release.key
cp manifest.ini good.ini
sed -i 's/^size = [0-9]*$/size = 1/;' manifest.ini
seal odd
cp good.ini manifest.ini
run hotfix sign odd --key release.key
is "nor one that no loader would apply" "$status" 5
sed 's/^\(created = .*\)/\1\nexpires = 2026-01-03T00:00:00Z/' good.ini >manifest.ini
seal late
cp good.ini manifest.ini
expect 4 "hotfix sign: late: it has expired, and no loader would apply it" "nor one that has expired" \
    hotfix sign late --key release.key
cp unsigned copy
chmod 644 third.key
run hotfix sign copy --key third.key
ok "a private key that others can read is not used" [ "$status" != 0 ]
ok "and the bundle stays as it is" cmp -s copy unsigned
chmod 600 third.key

run hotfix sign copy --key second.key
is "a signature is added" "$status $(tail -n 1 "$OUT")" "0 signed by key $(key_id second.pub); copy has 1 signature"
is "what is signed is told" "$(sed -n 's/^bundle  *//p' "$OUT")" "discount 1.0"
run hotfix verify copy --trust trust
is "the bundle verifies now" "$status" 0
is "its archive part did not change by a byte" "$(archive copy | sha256sum)" "$(archive unsigned | sha256sum)"
cp copy once
run hotfix sign copy --key second.key
is "a second signature by one key is not added" "$status $(tail -n 1 "$OUT")" \
    "0 it was signed already by key $(key_id second.pub); copy has 1 signature"
ok "the bundle stays as it is" cmp -s copy once
run hotfix sign signed --key second.key -o both --json
is "a second key's is" "$status $(json .signed_by.added) $(json .signatures) $(json .file)" "0 true 2 both"
seal wanted release.key second.key
ok "signatures stand in the order in which they were made" cmp -s both wanted
run hotfix verify both --trust trust
is "the other one counts where the first is not trusted" "$status $(head -n 1 "$OUT")" \
    "0 VERIFIED: signed by second, key id $(key_id second.pub)"

# A signature of another bundle under this key's id.
cp both broken
perl -e 'open F, "+<", shift; seek F, -16 - 10, 2; print F "xxxxx"' broken
expect 4 "hotfix verify: broken: 0 of 1 keys agree; the signature by key second is not over these bytes: the bundle was \
changed; 1 signature is by keys that are not in the trust store" \
    "a damaged signature does not count" hotfix verify broken --trust trust
run hotfix sign broken --key second.key
is "signing replaces it" "$status $(tail -n 1 "$OUT")" \
    "0 signed by key $(key_id second.pub); broken has 2 signatures"
ok "by the good one" cmp -s broken both

full=()
for ((i = 0; i < 32; i++)); do
    openssl genpkey -algorithm ed25519 -out "full$i.key" 2>/dev/null
    full+=("full$i.key")
done
seal full "${full[@]}"
cp full before
expect 5 "hotfix sign: full: it has 32 signatures, and there is no room for another" "a block has room for 32 signatures" \
    hotfix sign full --key release.key
ok "the bundle stays as it is" cmp -s full before

# Signed elsewhere, with plain openssl.
expect 0 "" "the statement can be had" hotfix sign unsigned --export statement
is "it says what is signed" "$(cat statement)" "hotfix bundle 1
size $(archive unsigned | wc -c)
sha256 $(archive unsigned | sha256sum | cut -d ' ' -f 1)"
openssl pkeyutl -sign -rawin -inkey second.key -in statement -out signature
cp unsigned elsewhere
run hotfix sign elsewhere --import signature --pub release.pub
is "whose signature it is must be right" "$status $(cat "$ERR")" \
    "4 hotfix sign: signature: is no signature by release.pub over the statement of elsewhere"
base64 signature >signature.64
expect 5 "hotfix sign: signature.64: 90 bytes are no Ed25519 signature, which has 64: give it as it is, not in base64 or hexadecimal" \
    "it is 64 bytes" hotfix sign elsewhere --import signature.64 --pub second.pub
sed 's/^description = .*/description = another/' good.ini >manifest.ini
seal other
cp good.ini manifest.ini
run hotfix sign other --import signature --pub second.pub
is "a signature is for one bundle" "$status" 4
expect 5 "hotfix sign: fifo: is not a regular file" "a FIFO is no signature" \
    hotfix sign elsewhere --import fifo --pub second.pub
ok "after all that it is what it was" cmp -s elsewhere unsigned
run hotfix sign elsewhere --import signature --pub second.pub
is "a good one is put in" "$status $(tail -n 1 "$OUT")" \
    "0 signed by key $(key_id second.pub); elsewhere has 1 signature"
ok "it is what the key would have made here" cmp -s elsewhere once

mkdir taken
before=$(sha256sum <signed)
run hotfix sign signed --key second.key -o taken
is "an output that cannot be written is an error" "$status $(sha256sum <signed)" "5 $before"
run hotfix sign signed --key second.key -o nowhere/signed
is "so is one in a directory that is not there, and the bundle stays as it is" "$status $(sha256sum <signed)" "5 $before"

# Who could read a bundle can still, and nobody else.
(umask 077 && hotfix sign signed --key second.key -o private >/dev/null)
is "a new file is as the umask wants it" "$(stat -c %a private)" 600
run hotfix sign private --key third.key
is "a file that is replaced stays as closed as it was" "$status $(stat -c %a private)" "0 600"
hotfix sign signed --key second.key -o public >/dev/null
is "and others are as open as the umask allows" "$(stat -c %a public)" 644

# Nobody's signature is lost in silence.
cp signed release.hotfix
before=$(sha256sum <release.hotfix)
expect 5 "hotfix sign: release.hotfix: is a bundle that key $(key_id release.pub) signed, and the new one is not; remove it, \
or give another name with --output" "a bundle that another key signed is not written over" \
    hotfix sign unsigned --key second.key -o release.hotfix
is "it stays as it was" "$(sha256sum <release.hotfix)" "$before"
expect 0 "" "one that has all its signatures may take its place" hotfix sign signed --key second.key -o release.hotfix
echo notes >release.hotfix
expect 0 "" "and so may any bundle that of what is none" hotfix sign unsigned --key second.key -o release.hotfix

# Passphrases come from a file of one's own or through a pipe.
printf 'correct horse\n' >phrase && chmod 600 phrase && hotfix keygen locked --passphrase-file phrase >/dev/null || exit 1
cp unsigned copy
chmod 640 phrase
expect 4 "hotfix sign: passphrase file phrase: is open to other users (mode 0640); if they cannot have read it, chmod 600 it, \
else choose another passphrase" "a passphrase that others can read is refused" \
    hotfix sign copy --key locked.key --passphrase-file phrase
expect 5 "hotfix sign: passphrase file none: cannot be opened: No such file or directory" \
    "a passphrase file that is not there is named" hotfix sign copy --key locked.key --passphrase-file none
expect 4 "hotfix sign: locked.key: private key is encrypted and the passphrase is wrong or missing" \
    "a wrong passphrase is told" hotfix sign copy --key locked.key --passphrase-file <(echo wrong)
ok "after all that it is what it was" cmp -s copy unsigned
mkfifo -m 644 open
(echo correct horse >open &)
expect 4 "hotfix sign: passphrase file open: is open to other users (mode 0644); if they cannot have read it, chmod 600 \
it, else choose another passphrase" "nor through one that others may read, which is asked once" \
    timeout 60 "$HOTFIX" sign copy --key locked.key --passphrase-file open
expect 0 "" "a passphrase may come through a pipe" hotfix sign copy --key locked.key --passphrase-file <(echo correct horse)
openssl pkcs8 -topk8 -in second.key -out old.key -v2 aes-256-cbc -iter 2048 -passout pass:old && chmod 600 old.key || exit 1
expect 0 "" "keys that were wrapped another way are read" \
    hotfix sign copy --key old.key --passphrase-file <(echo old)

# Packing without a key.
expect 2 "hotfix pack: give --key KEY, or --unsigned where others sign (see 'hotfix pack --help')" \
    "pack signs, unless it is told not to" hotfix pack --target target --patch patch.so
expect 2 "hotfix pack: --unsigned and --key exclude each other" "not both" \
    hotfix pack --target target --patch patch.so --unsigned --key release.key
export SOURCE_DATE_EPOCH=1700000000
# clang records its flags only when it is told to.
if "$CC" --version | grep -q clang; then
    "$CC" -grecord-command-line -O2 -g -Wl,--build-id=sha1 -o target target.c target_main.c &&
        "$CC" -grecord-command-line -O2 -g -fPIC -shared -Wl,--build-id=sha1 -o patch.so patch.c || exit 1
fi
pack() {
    run hotfix pack --target target --patch patch.so --func discount "$@"
}
pack --unsigned -o built
is "a bundle can be packed without a signature" "$status $(cat "$ERR")" \
    "0 hotfix pack: built is not signed: no loader applies it before 'hotfix sign'"
pack --key second.key -o packed
run hotfix sign built --key second.key
ok "signed later it is what pack would have signed" cmp -s built packed
before=$(sha256sum <packed)
pack --key release.key -o packed
is "a bundle of another key is not packed over" "$status $(cat "$ERR")" \
    "5 hotfix pack: packed: is a bundle that key $(key_id second.pub) signed, and the new one is not; remove it, or give \
another name with --output"
pack --unsigned -o packed
is "not by one without a signature either" "$status $(sha256sum <packed)" "5 $before"
pack --key second.key -o packed
is "one of the same key is" "$status" 0
pack --key 'pkcs11:token=t;pin-value=4321' -o tokens
is "a token's key signs after packing, and its PIN is not told" "$status $(cat "$ERR")" \
    "2 hotfix pack: --key: a key in a PKCS#11 token signs with its certificate: give --unsigned, and then hotfix sign the \
bundle with --key and --cert"

finish
