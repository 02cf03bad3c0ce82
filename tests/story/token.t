#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Keys that never leave their token: SoftHSM stands for the hardware. Every way in which a signature can come into a bundle
# is gone with a key in a token: a statement that is exported and signed by it, with Ed25519 and with a certificate, and
# hotfix itself with a certificate, whose key is RSA or ECDSA.
. "$(dirname "$0")/lib.sh"

make_target && make_stamped && make_manifest || exit 1
key_id() {
    openssl pkey -pubin -in "$1" -outform DER | tail -c 32 | sha256sum | cut -c 1-32
}
seal unsigned
module=$(find /usr/lib -name libsofthsm2.so 2>/dev/null | head -n 1)
mkdir tokens
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\n' "$PWD" >softhsm2.conf
export SOFTHSM2_CONF=$PWD/softhsm2.conf
# token LABEL OPTION...
token() {
    pkcs11-tool --module "$module" --token-label "$1" --login --pin 1234 "${@:2}" >token.log 2>&1
}
if ! { softhsm2-util --init-token --free --label release --pin 1234 --so-pin 5678 >/dev/null &&
    token release --keypairgen --key-type EC:edwards25519 --label signer --id 01 &&
    token release --read-object --type pubkey --id 01 -o token.pub; }; then
    diagnose <token.log
fi

# Ed25519: what --export writes is signed by the token.
cp unsigned raw
expect 0 "" "the statement can be had" hotfix sign raw --export statement
ok "a token signs the statement" token release --sign --mechanism EDDSA --id 01 -i statement -o token.sig
run hotfix sign raw --import token.sig --pub token.pub
is "and its signature is put in" "$status $(tail -n 1 "$OUT")" "0 signed by key $(key_id token.pub); raw has 1 signature"
run hotfix verify raw --trust token.pub
is "and counts" "$status" 0

# Certificates, of keys that were made in another token: OpenSSL's engine opens none that has an Ed25519 key.
export PKCS11_MODULE_PATH=$module
softhsm2-util --init-token --free --label company --pin 1234 --so-pin 5678 >/dev/null
hotfix keygen --ca corp >/dev/null || exit 1
printf '%s\n' 'basicConstraints = CA:FALSE' 'keyUsage = digitalSignature' 'extendedKeyUsage = codeSigning' \
    'subjectKeyIdentifier = hash' 'authorityKeyIdentifier = keyid' >extensions
# certify NAME ID: a certificate of the token's key
certify() {
    openssl req -new -engine pkcs11 -keyform engine -key "pkcs11:token=company;object=$1;type=private;pin-value=1234" \
        -subj "/CN=$1" -out "$1.csr" >token.log 2>&1 &&
        openssl x509 -req -in "$1.csr" -CA corp.ca.pem -CAkey corp-ca.key -days 7 -set_serial "$2" -extfile extensions \
            -out "$1.pem" >>token.log 2>&1
}
serial=10
for type in rsa:3072 EC:prime256v1 EC:secp384r1; do
    name=${type##*:}
    serial=$((serial + 1))
    ok "$name: a key is made in the token" token company --keypairgen --key-type "$type" --label "$name" --id $serial
    certify "$name" $serial || diagnose <token.log
    key="pkcs11:token=company;object=$name;type=private"
    cp unsigned "by-$name"
    run hotfix sign "by-$name" --cert "$name.pem" --key "$key" --passphrase-file <(echo 1234)
    is "$name: hotfix signs with it" "$status $(cat "$ERR")" "0 "
    run hotfix verify "by-$name" --trust corp.ca.pem
    is "$name: which counts by its authority" "$status $(head -n 1 "$OUT" | grep -c "signed by corp")" "0 1"

    cp unsigned "import-$name"
    hotfix sign "import-$name" --export statement >/dev/null
    openssl cms -sign -binary -outform DER -engine pkcs11 -keyform engine -signer "$name.pem" -inkey "$key;pin-value=1234" \
        -in statement -out cms.der >token.log 2>&1 || diagnose <token.log
    run hotfix sign "import-$name" --import cms.der --cert "$name.pem"
    is "$name: openssl signs the statement with it, and that is put in" "$status" 0
    run hotfix verify "import-$name" --trust corp.ca.pem
    is "$name: and counts" "$status" 0
done

# Where the PIN comes from, and that nobody else is told. What the engine itself leaks when it fails is not looked at.
echo 1234 >pin && echo 4321 >wrong && chmod 600 pin wrong || exit 1
key='pkcs11:token=company;object=prime256v1;type=private'
leaks=${ASAN_OPTIONS-}
# attempt URI OPTION...: signs a copy of the bundle
attempt() {
    cp unsigned attempt
    run hotfix sign attempt --cert prime256v1.pem --key "$@"
}
attempt "$key" --passphrase-file pin
is "a file has the PIN" "$status" 0
attempt "$key;pin-value=1234"
is "the URI has it" "$status" 0
attempt "pkcs11:pin-value=1234;token=company;object=prime256v1;type=private"
is "at its beginning" "$status" 0
attempt "$key?pin-value=%312%33%34"
is "in its query, encoded" "$status" 0
attempt "$key?pin-source=file:$PWD/pin"
is "the URI says where it is" "$status" 0
attempt "pkcs11:pin-source=file://$PWD/pin;token=company;object=prime256v1;type=private"
is "at its beginning, too" "$status" 0
export ASAN_OPTIONS=$leaks:detect_leaks=0
chmod 644 wrong
attempt "$key?pin-source=$PWD/wrong"
is "which must not be open to others" "$status $(grep -c 'wrong: is open to other users' "$ERR")" "4 1"
chmod 600 wrong
refused() {
    is "$1 signs nothing" "$status $(cmp attempt unsigned && echo same)" "4 same"
    ok "$1: no PIN is told" sh -c "! grep -E '4321|1234|%31' '$ERR' '$OUT'"
}
attempt "$key" --passphrase-file wrong
refused "a wrong PIN"
attempt "$key;pin-value=4321"
refused "a wrong PIN in the URI"
attempt "$key?pin-value=%34321"
refused "a wrong PIN in its query"
attempt "${key/prime256v1/none};pin-value=1234"
refused "a key that is not there"
attempt "${key/company/none}?pin-value=1234"
refused "a token that is not there"
PKCS11_MODULE_PATH=/nowhere attempt "$key;pin-value=1234"
refused "a module that is not there"
attempt "$key" --passphrase-file none
is "a PIN file that is not there is named" "$status $(tail -n 1 "$ERR")" \
    "5 hotfix sign: passphrase file none: cannot be opened: No such file or directory"
export ASAN_OPTIONS=$leaks
expect 2 "hotfix sign: unexpected argument 'pkcs11:token=company;pin-value=*' (see 'hotfix sign --help')" \
    "a URI in the wrong place is quoted without its PIN" hotfix sign attempt 'pkcs11:token=company;pin-value=1234'

finish
