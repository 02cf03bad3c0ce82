#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Making keys: they are what openssl reads, private ones are private, and nothing is ever overwritten.
. "$(dirname "$0")/lib.sh"

see="(see 'hotfix keygen --help')"
taken="exists already, and keys are never overwritten: choose another name"

expect 2 "hotfix keygen: NAME is missing $see" "NAME must be given" hotfix keygen
expect 2 "hotfix keygen: unexpected argument 'b' $see" "one NAME only" hotfix keygen a b
expect 2 "hotfix keygen: option '--passphrase-file' needs an argument: --passphrase-file FILE $see" \
    "--passphrase-file needs its argument" hotfix keygen a --passphrase-file
expect 2 "hotfix keygen: option '--passphrase-file' is given twice $see" "--passphrase-file is given once" \
    hotfix keygen a --passphrase-file x --passphrase-file y
expect 2 "hotfix keygen: option '--json' takes no argument $see" "--json takes no argument" hotfix keygen a --json=1
expect 2 "hotfix keygen: unknown option '--jso', did you mean '--json'? $see" "option names are not abbreviated" \
    hotfix keygen a --jso
expect 2 "hotfix keygen: unknown option '--pass' $see" "not even where only one could be meant" hotfix keygen a --pass
expect 2 "hotfix keygen: --passphrase and --passphrase-file exclude each other" "one source of a passphrase" \
    hotfix keygen a --passphrase --passphrase-file x
is "after all these errors there is no file" "$(ls)" ""

expect 0 "" "a pair is made" hotfix keygen release
cp "$OUT" told
is "the private key is its owner's alone" "$(stat -c %a release.key)" 600
is "the public key may be read by all" "$(stat -c %a release.pub)" 644
ok "openssl reads the private key" sh -c "openssl pkey -in release.key -noout -text | grep -q '^ED25519 Private-Key'"
ok "openssl reads the public key" sh -c "openssl pkey -pubin -in release.pub -noout -text | grep -q '^ED25519 Public-Key'"
is "the two belong together" "$(openssl pkey -in release.key -pubout)" "$(cat release.pub)"
# A SubjectPublicKeyInfo for Ed25519 ends with the 32 raw bytes (RFC 8410).
id=$(openssl pkey -pubin -in release.pub -outform DER | tail -c 32 | sha256sum | cut -c 1-32)
ok "the key id is the beginning of the key's SHA-256" grep -qx "key id       $id" told

cp release.key before.key && cp release.pub before.pub
expect 5 "hotfix keygen: release.key $taken" "a pair is not overwritten" hotfix keygen release
ok "neither half" sh -c 'cmp -s release.key before.key && cmp -s release.pub before.pub'
rm release.key
expect 5 "hotfix keygen: release.pub $taken" "nor is a public key alone" hotfix keygen release
ok "and no private key is left beside it" test ! -e release.key
ln -s nowhere dangling.key
expect 5 "hotfix keygen: dangling.key $taken" "nor a dangling link" hotfix keygen dangling
is "which is not followed" "$(ls nowhere dangling.pub 2>/dev/null)" ""
expect 5 "hotfix keygen: missing/k.key: cannot be written: No such file or directory" "a missing directory is an error" \
    hotfix keygen missing/k

run hotfix keygen other --json
is "--json gives one object" "$status $(json .schema) $(json .ok) $(json .status) $(json .error)" \
    "0 hotfix.keygen/1 true 0 null"
is "with the paths" "$(json .private_key) $(json .public_key) $(json .encrypted)" "other.key other.pub false"
is "and the key id" "$(json .key_id)" \
    "$(openssl pkey -pubin -in other.pub -outform DER | tail -c 32 | sha256sum | cut -c 1-32)"
run hotfix keygen other --json
is "failure is an object too" "$status $(json .ok) $(json .status) $(json .error.code) $(json .error.message)" \
    "5 false 5 io other.key $taken"
is "its message is that of standard error" "$(cat "$ERR")" "hotfix keygen: $(json .error.message)"

printf 'correct horse\nsecond line\n' >phrase
expect 4 "hotfix keygen: passphrase file phrase: is open to other users (mode 0644); if they cannot have read it, chmod 600 \
it, else choose another passphrase" "a passphrase that others can read is none" \
    hotfix keygen locked --passphrase-file phrase
chmod 600 phrase
expect 5 "hotfix keygen: passphrase file /dev/null: is neither a regular file nor a pipe" \
    "a device has no passphrase" hotfix keygen locked --passphrase-file /dev/null
expect 0 "" "a passphrase can come from a file" hotfix keygen locked --passphrase-file phrase
ok "the key is then encrypted" grep -q 'BEGIN ENCRYPTED PRIVATE KEY' locked.key
ok "openssl opens it with the file's first line" openssl pkey -in locked.key -passin 'pass:correct horse' -noout
ok "guessing it costs memory and time" grep -q scrypt <(openssl asn1parse -in locked.key)
expect 0 "" "a passphrase can come through a pipe" hotfix keygen piped --passphrase-file <(echo correct horse)
ok "and is that" openssl pkey -in piped.key -passin 'pass:correct horse' -noout
ok "and with no other" sh -c '! openssl pkey -in locked.key -passin pass:wrong -noout 2>/dev/null'
: >empty && chmod 600 empty
expect 5 "hotfix keygen: passphrase file empty: its first line must be 1 to 1024 bytes of text" \
    "an empty passphrase file is refused" hotfix keygen nokey --passphrase-file empty
head -c 1025 /dev/zero | tr '\0' x >long && chmod 600 long
expect 5 "hotfix keygen: passphrase file long: its first line must be 1 to 1024 bytes of text" \
    "so is one that is too long" hotfix keygen nokey --passphrase-file long
expect 5 "hotfix keygen: a passphrase is needed and there is no terminal to ask on: No such device or address" \
    "without a terminal nothing can be asked" setsid -w "$HOTFIX" keygen nokey --passphrase
ok "no key came of it" test ! -e nokey.key

# On a terminal, whose lines are typed ahead.
terminal() {
    printf '%b' "$1" | script -qec "exec '$HOTFIX' keygen typed --passphrase" /dev/null | tr -d '\r' >"$OUT"
    status=${PIPESTATUS[1]}
}
refusal='hotfix keygen: no passphrase was given, or the two differ'
terminal 'one\nother\none\nother\none\nother\n'
is "two passphrases that differ make no key" "$status $(tail -n 1 "$OUT") $(ls typed.* 2>/dev/null)" "2 $refusal "
terminal '\n\n'
is "nor does an empty one" "$status $(tail -n 1 "$OUT") $(ls typed.* 2>/dev/null)" "2 $refusal "
terminal 'battery staple\nbattery staple\n'
is "a passphrase typed twice makes one" "$status $(tail -n 1 "$OUT")" "0 public key   typed.pub"
ok "which it opens" openssl pkey -in typed.key -passin 'pass:battery staple' -noout

# A small authority, and a certificate of it.
touch mine.pem
expect 5 "hotfix keygen: mine.pem $taken" "a certificate is not overwritten" hotfix keygen --ca mine
is "and nothing is left beside it" "$(ls mine*)" mine.pem
expect 0 "" "an authority is made" hotfix keygen --ca try
is "both private keys are their owner's alone" "$(stat -c %a try.key try-ca.key | xargs)" "600 600"
is "openssl finds the certificate to be the authority's" \
    "$(openssl verify -x509_strict -check_ss_sig -CAfile try.ca.pem try.pem 2>&1)" "try.pem: OK"
is "it is for code and for nothing else" "$(openssl x509 -in try.pem -noout -ext extendedKeyUsage | tail -n 1 | xargs)" \
    "Code Signing"
is "it belongs to the key" "$(openssl x509 -in try.pem -noout -pubkey)" "$(openssl pkey -in try.key -pubout)"
ok "the authority may not make others" sh -c "openssl x509 -in try.ca.pem -noout -text | grep -q 'CA:TRUE, pathlen:0'"
echo secret >phrase
run hotfix keygen --ca guarded --passphrase-file phrase --json
is "a passphrase protects both keys" "$(json encrypted) $(grep -l ENCRYPTED guarded.key guarded-ca.key | xargs)" \
    "true guarded.key guarded-ca.key"

to_full() {
    hotfix "$@" >/dev/full
}
expect 5 "hotfix keygen: cannot write to standard output: No space left on device" \
    "a report that cannot be written is an error" to_full keygen unreported --json

finish
