#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a bundle was packed from, signed beside it: written by pack, checked by verify, and by others with their tools.
. "$(dirname "$0")/lib.sh"

make_target || exit 1
# clang records its flags only when it is told to.
if "$CC" --version | grep -q clang; then
    "$CC" -grecord-command-line -O2 -g -Wl,--build-id=sha1 -o target target.c target_main.c &&
        "$CC" -grecord-command-line -O2 -g -fPIC -shared -Wl,--build-id=sha1 -o patch.so patch.c || exit 1
fi
for key in builder stranger late; do
    hotfix keygen "$key" >/dev/null || exit 1
done
mkdir trust && cp builder.pub late.pub trust
export SOURCE_DATE_EPOCH=1700000000
pack() {
    run hotfix pack --target target --patch patch.so --func discount --key "${key:-builder.key}" "$@"
}
verify() {
    hotfix verify "$1" --trust "${trust:-trust}" --provenance "$2" "${@:3}"
}

expect 2 "hotfix pack: --provenance is signed by whoever packs: give --key, not --unsigned" "who does not sign vouches for nothing" \
    hotfix pack --target target --patch patch.so --func discount --unsigned --provenance p
key=builder.key
pack -o good --provenance patch.so
is "an input is not written over" "$status $(cat "$ERR")" "2 hotfix pack: the output patch.so is one of the inputs"
pack -o good --provenance ./good
is "nor is the bundle" "$status $(cat "$ERR")" "2 hotfix pack: --provenance ./good is the bundle itself"
pack --name x --version 1 --provenance x-1.hotfix
is "nor one whose name is chosen" "$status $(ls x-1.hotfix 2>/dev/null)" "2 "
mkdir taken
pack -o good --provenance taken
is "one that cannot be written leaves no bundle" "$status $(ls good 2>/dev/null)" "5 "
pack -o taken --provenance left.json
is "a bundle that cannot be written leaves none behind" "$status $(ls left.json 2>/dev/null)" "5 "
pack -o good --provenance good.intoto.json --json
is "it is written beside the bundle" "$status $(json .provenance)" "0 good.intoto.json"
pack -o again --provenance again.json
ok "who packs the same gets the same" cmp -s good.intoto.json again.json

run verify good good.intoto.json --target target
is "it verifies" "$status" 0
ok "it says who signed it" grep -q '^provenance .*good.intoto.json, signed by builder$' "$OUT"
ok "and what the bundle was packed from" grep -q "target, sha256 $(sha256sum <target | cut -c 1-64)\$" "$OUT"
ok "the patch too" grep -q "patch, sha256 $(sha256sum <patch.so | cut -c 1-64)\$" "$OUT"
run verify good good.intoto.json --json
is "in JSON as well" "$(json .provenance.signed_by) $(json .provenance.materials.0.name)" "builder target"

jq '.payload |= (gsub("\\+"; "-") | gsub("/"; "_")) | .signatures[0].sig |= (gsub("\\+"; "-") | gsub("/"; "_"))' good.intoto.json >url.json
run verify good url.json
is "the other alphabet of base64 will do" "$status" 0

# As another tool would: the payload, and the text that is signed.
jq -r .payload good.intoto.json | base64 -d >payload
jq -r '.signatures[0].sig' good.intoto.json | base64 -d >signature
printf 'DSSEv1 28 application/vnd.in-toto+json %s ' "$(wc -c <payload)" | cat - payload >signed
is "openssl verifies the envelope" \
    "$(openssl pkeyutl -verify -pubin -inkey builder.pub -rawin -in signed -sigfile signature 2>&1)" \
    "Signature Verified Successfully"
is "the statement is in-toto's" "$(jq -r '._type + " " + .predicateType' payload)" \
    "https://in-toto.io/Statement/v1 https://slsa.dev/provenance/v1"
size=$(perl -e 'open F, "<", shift; seek F, -16, 2; read F, my $t, 4; print +(-s F) - 16 - unpack "V", $t' good)
is "its subject is the archive part" "$(jq -r '.subject[0].digest.sha256' payload)" \
    "$(head -c "$size" good | sha256sum | cut -c 1-64)"
cp good more && run hotfix sign more --key late.key
run verify more good.intoto.json
is "more signatures change nothing" "$status" 0

# What must not pass.
pack -o other --description other --provenance other.json
expect 1 "hotfix verify: provenance good.intoto.json: is the provenance of another bundle" \
    "that of another bundle is refused" verify other good.intoto.json
key=stranger.key
pack -o strange --provenance strange.json
expect 4 "hotfix verify: provenance strange.json: signed only by keys that are not in the trust store (key id $(
    jq -r '.signatures[0].keyid' strange.json
))" \
    "so is one by an unknown key" verify good strange.json
jq -c '.predicate.buildDefinition.resolvedDependencies[0].digest.sha256 = "00"' payload >edited
jq --arg payload "$(base64 -w 0 edited)" '.payload = $payload' good.intoto.json >edited.json
expect 4 "hotfix verify: provenance edited.json: 0 of 1 keys agree; the signature by key builder is not over these bytes: the file was changed" \
    "an edited one" verify good edited.json
jq '.payloadType = "text/plain"' good.intoto.json >typed.json
expect 5 "hotfix verify: provenance typed.json: its payload is not of type application/vnd.in-toto+json" \
    "one of another type" verify good typed.json
jq '.payload = "x"' good.intoto.json >damaged.json
expect 5 "hotfix verify: provenance damaged.json: its payload is no text in base64" "one that is damaged" \
    verify good damaged.json
head -c 100 good.intoto.json >short.json
run verify good short.json
is "one that is cut off" "$status" 5
echo '{}' >empty.json
expect 5 "hotfix verify: provenance empty.json: is no signed envelope: payload, payloadType or signatures are missing" \
    "one with nothing in it" verify good empty.json
mkdir revoking && cp builder.pub late.pub revoking
printf '[key.builder]\nexpires = 2024-01-01\n' >revoking/trust.ini
trust=revoking
expect 4 "hotfix verify: provenance good.intoto.json: 0 of 1 keys agree; key builder expired on 2024-01-01T23:59:59Z" \
    "and one by a key that has expired" verify more good.intoto.json
trust=trust
cp target same && printf 'x' >>same
run verify good good.intoto.json --target same
is "a target's file that was changed since is told" "$status $(grep -c 'packed for another file than same' "$ERR")" "1 1"

# The policy of the trust store holds for it as it does for bundles.
mkdir two && cp builder.pub late.pub two
printf '[policy]\nkeys = 2\nroles = review\n\n[key.late]\nrole = review\n' >two/trust.ini
trust=two
cp good.intoto.json both.json
expect 4 "hotfix verify: provenance both.json: 1 of 2 keys agree: builder; a key with role 'review' is missing" \
    "one key of two is not enough" verify more both.json
jq '.signatures += .signatures' both.json >doubled.json
run verify more doubled.json
is "nor is its signature twice" "$status" 4
jq '.signatures[0].keyid = "00" | .signatures += .signatures' both.json >unnamed.json
run verify more unnamed.json
is "under other names neither" "$status $(grep -c '1 of 2 keys agree: builder' "$ERR")" "4 1"
run hotfix sign other --key late.key --provenance both.json
is "nobody signs the provenance of another bundle" "$status $(cat "$ERR")" \
    "1 hotfix sign: provenance both.json: is the provenance of another bundle"
run hotfix sign more --key late.key --provenance both.json
is "the second key signs it" "$status $(jq '.signatures | length' both.json)" "0 2"
run verify more both.json
is "both together are enough" "$status $(grep -c 'signed by builder, late$' "$OUT")" "0 1"
run hotfix sign more --key late.key --provenance both.json
is "signing again adds nothing" "$status $(jq '.signatures | length' both.json)" "0 2"
jq 'del(.signatures[].keyid)' both.json >nameless.json
run verify more nameless.json
is "key ids are hints" "$status" 0
jq '.signatures = [range(33) as $i | .signatures[0]]' both.json >many.json
expect 5 "hotfix verify: provenance many.json: more than 32 signatures" "there is an end to signatures" verify more many.json
expect 2 "hotfix sign: --provenance is for --key" "what is signed elsewhere has no provenance with it" \
    hotfix sign more --export statement --provenance both.json

# By a certificate, too.
mkdir ca && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca/ca.key -out ca/ca.pem -days 2 \
    -subj /CN=corp -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null &&
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca/leaf.key -subj /CN=leaf 2>/dev/null |
    openssl x509 -req -CA ca/ca.pem -CAkey ca/ca.key -days 2 -out ca/leaf.pem -extfile <(
        printf '%s\n' basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature \
            extendedKeyUsage=critical,codeSigning subjectKeyIdentifier=hash authorityKeyIdentifier=keyid
    ) 2>/dev/null || exit 1
chmod 600 ca/leaf.key
mkdir mixed && cp builder.pub mixed && cp ca/ca.pem mixed/corp.ca.pem && printf '[policy]\nkeys = 2\n' >mixed/trust.ini
cp good mixed.hotfix && cp good.intoto.json mixed.json
run hotfix sign mixed.hotfix --key ca/leaf.key --cert ca/leaf.pem --provenance mixed.json
is "a certificate signs it" "$status" 0
trust=mixed
run verify mixed.hotfix mixed.json
is "and counts" "$status $(grep -c 'signed by builder, corp$' "$OUT")" "0 1"
jq '.signatures |= reverse | .signatures[0].sig = .signatures[1].sig' mixed.json >half.json
run verify mixed.hotfix half.json
is "without it there is one key of two" "$status $(grep -c '1 of 2 keys agree: builder' "$ERR")" "4 1"

finish
