#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Trust stores with a policy: how many keys of which roles must agree, what is revoked, and how keys are rotated.
. "$(dirname "$0")/lib.sh"

make_target && make_stamped && make_manifest || exit 1
for name in builder release stranger old new; do
    hotfix keygen $name >/dev/null || exit 1
done
key_id() {
    openssl pkey -pubin -in "$1.pub" -outform DER | tail -c 32 | sha256sum | cut -c 1-32
}
seal one builder.key
seal both builder.key release.key
seal doubled builder.key builder.key
seal strange builder.key stranger.key

mkdir trust && cp builder.pub release.pub trust/
policy() {
    cat >trust/trust.ini
}
refuse() {
    expect 4 "hotfix verify: $1" "$2" hotfix verify "$3" --trust "${4:-trust}"
}

expect 0 "" "without a policy one key of the store is enough" hotfix verify one --trust trust
policy <<'POLICY'
[policy]
keys = 2
roles = builder release

[key.builder]
role = builder

[key.release]
role = release
POLICY
missing="1 of 2 keys agree: builder; a key with role 'release' is missing"
refuse "one: $missing" "with one, it is not" one
refuse "doubled: $missing" "nor is one key that signed twice" doubled
refuse "strange: $missing; 1 signature is by keys that are not in the trust store" "nor a stranger beside it" strange
cp builder.pub trust/second.pub
refuse "doubled: $missing" "nor the same key under another name" doubled
rm trust/second.pub
expect 0 "" "both together are" hotfix verify both --trust trust
is "it says who agreed" "$(head -n 2 "$OUT")" "VERIFIED: signed by builder, key id $(key_id builder)
VERIFIED: and by release, key id $(key_id release)"
run hotfix verify both --trust trust --json
is "as JSON too" "$(json .signers.0.name) $(json .signers.1.name) $(json .signers.1.key_id) $(json .signed_by.name)" \
    "builder release $(key_id release) builder"

# Each signature, whether or not they are enough.
worth() {
    run hotfix verify "$1" --trust "${2:-trust}"
    sed -n 's/^signature  *//p' "$OUT"
}
is "what each signature is worth is said" "$(worth both)" \
    "builder, key id $(key_id builder), role builder: counts
release, key id $(key_id release), role release: counts"
is "a stranger's too" "$(worth strange)" "builder, key id $(key_id builder), role builder: counts
key id $(key_id stranger): unknown key"
is "and one too many" "$(worth doubled | sed 's/.*: //' | xargs)" "counts counted already"
perl -0777 -pe 'substr($_, 700, 1) ^= "\1"' both >flipped
is "and what is not over these bytes" "$(worth flipped | sed 's/.*: //' | xargs)" "bad bad"
printf '[key.builder]\nrevoked = yes\n\n[key.release]\nexpires = 2024-01-01\n' >worse.ini
mkdir worse && cp builder.pub release.pub stranger.pub worse && mv worse.ini worse/trust.ini
is "keys that do not count any more are told" "$(worth both worse | sed 's/.*: //' | xargs)" "revoked key expired key"
run hotfix verify strange --trust trust --json
is "on failure the report has them" \
    "$(json .signatures.0.name) $(json .signatures.0.verdict) $(json .signatures.1.verdict) $(json .error.code)" \
    "builder counts unknown key signature"
is "and what is missing" "$(json .missing.keys) $(json .missing.roles.0)" "1 release"
run hotfix verify both --trust trust --json
is "which is nothing once they agree" "$(json .missing.keys) $(json .missing.roles.0)" "0 null"

printf '\n[revoked.%s]\nreason = wrong%%3B use 2\n' "$ID" >>trust/trust.ini
refuse "both: discount 1.0 is revoked: wrong; use 2" "a revoked bundle is refused whoever signed it" both
run hotfix verify both --trust trust --json
is "its code is that of revocations" "$(json .error.code)" revoked

# The same keys in one file.
{
    printf '[policy]\nkeys = 2\n'
    for name in builder release; do
        printf '\n[key.%s]\npublic = %s\n' $name "$(sed -n 2p $name.pub)"
    done
} >one.ini
expect 0 "" "a policy file can hold the keys itself" hotfix verify both --trust one.ini
refuse "one: 1 of 2 keys agree: builder" "and is held to as well" one one.ini
chmod g+w one.ini
refuse "trust store one.ini: may be written by other users (mode 0664); chmod go-w it" \
    "not if others may write it" both one.ini

# Mistakes make the store unusable: a policy that is only half understood would be a weaker one.
policy <<<'[policy]
key = 2'
expect 5 "hotfix verify: trust store: trust/trust.ini line 2: unknown key 'key' in section [policy]" \
    "an unknown key is an error" hotfix verify both --trust trust
policy <<<'[key.builder]
revoked = no'
expect 5 "hotfix verify: trust store: trust/trust.ini line 2: revoked is not yes; leave it out for a key that is not \
revoked" "so is what looks like the opposite of a revocation" hotfix verify both --trust trust
policy <<<'[policy]
keys = 3'
refuse "trust store trust: 3 different keys must agree, but only 2 are there that are not revoked" \
    "so is what can never be met" both
ln -sf ../one.ini trust/trust.ini
refuse "trust store trust/trust.ini: is a symbolic link; put the file itself there" "a link is not followed" both
rm trust/trust.ini

# Freshness: verify knows of no state, but that there must be a number.
printf '[freshness]\nmax-step = 10\n' >trust/trust.ini
refuse "one: it has no sequence number, which the policy of the trust store demands" \
    "a bundle without a sequence number is refused where one is demanded" one
sed 's/^advisory = /sequence = 3\n&/' manifest.ini >numbered.ini
perl "$STORY/seal.pl" numbered.ini stamped.so builder.key >numbered
expect 0 "" "one with a number is not" hotfix verify numbered --trust trust
ok "which it shows" grep -qx 'sequence     3' "$OUT"
rm trust/trust.ini

# Rotation of a key: docs/security.md describes these steps.
seal by-old old.key
seal by-both old.key new.key
seal by-new new.key
mkdir keys && cp old.pub keys/
verified() {
    local file
    for file in by-old by-both by-new; do
        run hotfix verify $file --trust keys
        printf '%s:%s ' $file "$status"
    done
}
is "rotation, at first: the old key counts" "$(verified)" "by-old:0 by-both:0 by-new:4 "
cp new.pub keys/
is "then both do, so that machines can be told one by one" "$(verified)" "by-old:0 by-both:0 by-new:0 "
printf '[key.old]\nrevoked = yes\n' >keys/trust.ini
is "and at last the new one alone" "$(verified)" "by-old:4 by-both:0 by-new:0 "
refuse "by-old: 0 of 1 keys agree; key old is revoked" "what only the old key signed is refused with the reason" \
    by-old keys
rm keys/old.pub
expect 4 "hotfix verify: trust store: keys/trust.ini line 1: there is no key old: neither a file old.pub or old.ca.pem beside this \
one nor 'public' here" "a revoked key stays in the store: a revocation of nothing would be a typing error" \
    hotfix verify by-new --trust keys

printf '[key.new]\nexpires = 2026-01-01\n' >keys/trust.ini
refuse "by-new: 0 of 1 keys agree; key new expired on 2026-01-01T23:59:59Z" "a key can have an end of its own" by-new keys

# A user namespace without a mapping shows every stranger as the very user that all are there, this one included.
if [ "$(id -u)" = 0 ] && unshare --user true 2>/dev/null && chown -R 12345 trust 2>/dev/null; then
    rm -f trust/trust.ini
    expect 4 "hotfix verify: trust store /: belongs to user 65534, who may be anybody: so this user namespace \
shows all users whom it does not map; map this user, or use one of root" "a stranger's store is none where all look alike" \
        unshare --user "$HOTFIX" verify one --trust trust
    chown -R 0 trust
    expect 0 "" "and where the user is mapped, its store is one" unshare --user --map-root-user "$HOTFIX" verify one --trust trust
fi
finish
