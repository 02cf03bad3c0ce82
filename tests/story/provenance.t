#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a bundle was packed from, signed beside it: written by pack, checked by verify, and by others with their tools.
. "$(dirname "$0")/lib.sh"

make_target || exit 1
# clang records its flags only when it is told to.
if "$CC" --version | grep -q clang; then
    "$CC" -grecord-command-line -O2 -g -Wl,--build-id=sha1 -o target target.c &&
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
expect 4 "hotfix verify: provenance strange.json: no key of the trust store that counts signed it" \
    "so is one by an unknown key" verify good strange.json
jq -c '.predicate.buildDefinition.resolvedDependencies[0].digest.sha256 = "00"' payload >edited
jq --arg payload "$(base64 -w 0 edited)" '.payload = $payload' good.intoto.json >edited.json
expect 4 "hotfix verify: provenance edited.json: no key of the trust store that counts signed it" \
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
expect 4 "hotfix verify: provenance good.intoto.json: no key of the trust store that counts signed it" \
    "and one by a key that has expired" verify more good.intoto.json
trust=trust
cp target same && printf 'x' >>same
run verify good good.intoto.json --target same
is "a target's file that was changed since is told" "$status $(grep -c 'packed for another file than same' "$ERR")" "1 1"

finish
