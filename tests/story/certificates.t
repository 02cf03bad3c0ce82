#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Signatures by certificates: who may make them, and which of them count. The authority and what it revokes are openssl's.
. "$(dirname "$0")/lib.sh"

make_target && make_stamped && make_manifest || exit 1
seal unsigned
sed -i 's/^\(created = .*\)/\1\nexpires = 2099-01-03T00:00:00Z/' manifest.ini
seal another
hotfix keygen --ca corp >/dev/null && hotfix keygen --ca other >/dev/null && hotfix keygen release >/dev/null || exit 1
mkdir trust && cp corp.ca.pem trust || exit 1

expect 2 "hotfix sign: --cert is for --key and --import" "a certificate exports nothing" \
    hotfix sign unsigned --cert corp.pem --export s
expect 2 "hotfix sign: --import goes with one of --pub and --cert: whose signature is it?" "an import is by one or other" \
    hotfix sign unsigned --cert corp.pem --pub release.pub --import s
expect 4 "hotfix sign: corp.pem: its first certificate is not that of the private key" "and no other" \
    hotfix sign unsigned --cert corp.pem --key other.key
expect 4 "hotfix sign: corp.ca.pem: certificate of CN=corp authority: is one of an authority, which must not sign bundles" \
    "an authority does not sign itself" hotfix sign unsigned --cert corp.ca.pem --key corp-ca.key
expect 4 "hotfix sign: release.pub: holds no PEM certificate" "a public key is no certificate" \
    hotfix sign unsigned --cert release.pub --key release.key

run hotfix sign unsigned --cert corp.pem --key corp.key -o signed
id=$(openssl x509 -in corp.pem -outform DER | sha256sum | cut -c 1-32)
is "the certificate that signed is named by its digest" "$status $(grep -c "certificate $id" "$OUT")" "0 1"
run hotfix show signed
ok "it is shown with its subject" grep -qx "  cms by certificate $id, CN=corp" "$OUT"
run hotfix show signed --json
is "as JSON too" "$(json .signatures.0.type) $(json .signatures.0.key_id) $(json .signatures.0.subject)" "cms $id CN=corp"
run hotfix sign signed --cert corp.pem --key corp.key
is "it signs once" "$status $(grep -c 'it was signed already' "$OUT")" "0 1"
run hotfix verify signed --trust trust
is "its authority vouches for it" "$status $(head -n 1 "$OUT" | grep -c 'signed by corp')" "0 1"
run hotfix verify signed --trust corp.ca.pem
is "the authority's certificate alone is a trust store" "$status" 0

# The signature is what openssl makes of it, too.
block() {
    perl -e 'local $/; open F, "<", shift; $_ = <F>; my $size = unpack "V", substr $_, -16, 4;
        my $block = substr $_, -16 - $size, $size; print substr $block, 12 + 8 + 16' "$1"
}
block signed >signature.der
hotfix sign unsigned --export statement >/dev/null
ok "openssl verifies it over the statement" openssl cms -verify -binary -inform DER -in signature.der -content statement \
    -CAfile corp.ca.pem -purpose any -out /dev/null 2>/dev/null

hotfix sign unsigned --cert other.pem --key other.key -o stranger >/dev/null
run hotfix verify stranger --trust trust
is "another authority's certificate does not count" "$status $(grep -c 'CN=other: unable to get local issuer' "$ERR")" "4 1"
is "which is said of its signature" "$(grep -A1 '^signature .*: certificate refused$' "$OUT" | grep -c '^  .*CN=other')" 1
is "and last of all that nothing is verified" "$(tail -n 1 "$OUT")" "NOT VERIFIED"
# A name that is laid out to be read as a line of its own where the terminal goes on below.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout liar.key -out liar.pem -days 7 \
    -subj "/CN=$(printf 'x%.0s' {1..10})$(printf ' %.0s' {1..18})VERIFIED: signed by corp" -addext keyUsage=digitalSignature \
    -addext extendedKeyUsage=codeSigning -addext basicConstraints=critical,CA:FALSE 2>/dev/null || exit 1
hotfix sign unsigned --cert liar.pem --key liar.key -o lie >/dev/null
run hotfix verify lie --trust trust
is "what a certificate is called begins no line" "$status $(cut -c 1-12 "$OUT" | grep -c '^ *VERIFIED') $(awk 'length > 79' "$OUT")" "4 0 "
if command -v script >/dev/null; then
    run script -qec "stty cols 80; '$HOTFIX' verify lie --trust trust" /dev/null
    is "nor on a terminal" "$(cut -c 1-12 "$OUT" | grep -c '^ *VERIFIED') $(tr -d '\r' <"$OUT" | awk 'length > 79')" "0 "
    ok "which has the message wrapped" grep -q '^hotfix verify: lie: 0 of 1 keys agree' "$OUT"
fi
expect 4 "hotfix verify: unsigned: not signed" "nor does a signature that was stripped" hotfix verify unsigned --trust trust
expect 4 "hotfix verify: signed: signed only by keys that are not in the trust store (key id $id)" \
    "a store of keys knows no certificate" hotfix verify signed --trust release.pub
cp signed changed && printf X | dd of=changed bs=1 seek=600 conv=notrunc status=none
expect 4 "hotfix verify: changed: 0 of 1 keys agree; the CMS signature does not verify" \
    "nor does one over other bytes" hotfix verify changed --trust trust

# A signature that openssl makes elsewhere is put in as it is.
openssl cms -sign -binary -outform DER -signer corp.pem -inkey corp.key -in statement -out made.der
is "what openssl cms signed can be imported" "$(hotfix sign unsigned --cert corp.pem --import made.der -o imported |
    grep -c "certificate $id")" 1
run hotfix verify imported --trust trust
is "and counts" "$status" 0
ok "as it was made" sh -c "$(declare -f block); block imported | cmp -s - made.der"
not_ours="made.der: is no CMS signature in DER by"
expect 4 "hotfix sign: $not_ours other.pem over the statement of unsigned: it is by another certificate" \
    "not under another certificate" hotfix sign unsigned --cert other.pem --import made.der
expect 4 "hotfix sign: $not_ours corp.pem over the statement of another: the CMS signature does not verify" \
    "nor into another bundle" hotfix sign another --cert corp.pem --import made.der
openssl cms -sign -binary -outform PEM -signer corp.pem -inkey corp.key -in statement -out made.der
expect 4 "hotfix sign: $not_ours corp.pem over the statement of unsigned: the CMS signature is malformed" \
    "nor in PEM" hotfix sign unsigned --cert corp.pem --import made.der

# What else a certificate may be, made by openssl.
issue() {
    local name=$1 usage=$2
    shift 2
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$name.key" -out "$name.csr" -subj "/CN=$name" \
        2>/dev/null
    printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n%s\n%s\n' "$usage" \
        subjectKeyIdentifier=hash authorityKeyIdentifier=keyid >"$name.ext"
    openssl x509 -req -in "$name.csr" -CA corp.ca.pem -CAkey corp-ca.key -extfile "$name.ext" -out "$name.pem" "$@" 2>/dev/null
}
issue web serverAuth -days 10
expect 4 "hotfix sign: web.pem: certificate of CN=web: is not for code (extendedKeyUsage codeSigning)" \
    "a certificate of a web server does not sign" hotfix sign unsigned --cert web.pem --key web.key
issue old codeSigning -days -1
hotfix sign unsigned --cert old.pem --key old.key -o outdated >/dev/null
expect 4 "hotfix verify: outdated: 0 of 1 keys agree; certificate of CN=old: certificate has expired" \
    "one that has expired does not count" hotfix verify outdated --trust trust

# A list of what is revoked.
cat >ca.cnf <<'EOF'
[ca]
default_ca = corp
[corp]
database = index.txt
crlnumber = number
default_md = sha256
default_crl_days = 7
crl_extensions = list
[list]
authorityKeyIdentifier = keyid:always
EOF
: >index.txt && echo 01 >number
revocations() {
    openssl ca -config ca.cnf -gencrl -cert corp.ca.pem -keyfile corp-ca.key -out trust/corp.crl.pem 2>/dev/null
}
revocations
run hotfix verify signed --trust trust
is "a list that is empty revokes nothing" "$status" 0
openssl ca -config ca.cnf -revoke corp.pem -cert corp.ca.pem -keyfile corp-ca.key 2>/dev/null && revocations
expect 4 "hotfix verify: signed: 0 of 1 keys agree; certificate of CN=corp: certificate revoked" \
    "one that is revoked does not count" hotfix verify signed --trust trust
printf '[policy]\ncertificate-time = signing\n' >trust/trust.ini
expect 4 "hotfix verify: signed: 0 of 1 keys agree; certificate of CN=corp: certificate revoked" \
    "whenever it signed" hotfix verify signed --trust trust
rm trust/corp.crl.pem

# Keys and certificates agree by one policy.
cp release.pub trust
printf '[policy]\nkeys = 2\nroles = build release\n\n[key.corp]\nrole = release\n\n[key.release]\nrole = build\n' \
    >trust/trust.ini
expect 4 "hotfix verify: signed: 1 of 2 keys agree: corp; a key with role 'build' is missing" \
    "a certificate alone is not enough where a key is asked for" hotfix verify signed --trust trust
hotfix sign signed --key release.key >/dev/null
run hotfix verify signed --trust trust
is "together they are" "$status" 0

# The loader goes by the same store. The program that the bundle is for is not there: what is verified gets that far.
cat >loads.c <<'SOURCE'
#include <hotfix.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix_error error;
    struct hotfix *hotfix;

    options.trust = argv[1];
    if (argc != 3 || hotfix_open(&options, &hotfix, &error) != 0)
        return 1;
    if (hotfix_apply(hotfix, argv[2], &result) != 0)
        puts(result.error.message);
    hotfix_result_deinit(&result);
    hotfix_close(hotfix);
    return 0;
}
SOURCE
"$CC" -I"$ROOT/loader" -I"$ROOT/manifest" ${SAN:+-fsanitize=$SAN} -o loads loads.c -L"$BUILD" -Wl,-rpath,"$BUILD" -lhotfix
run ./loads trust signed
ok "the loader takes what they signed" grep -q 'no module with build-id' "$OUT"
hotfix sign stranger --key release.key >/dev/null
run ./loads trust stranger
ok "and not what another authority's certificate signed" grep -q 'CN=other: unable to get local issuer' "$OUT"

finish
