#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Verifying bundles offline: what the loader would refuse is refused, in one sentence and with the documented status.
. "$(dirname "$0")/lib.sh"

see="(see 'hotfix verify --help')"
expect 2 "hotfix verify: FILE is missing $see" "FILE must be given" hotfix verify --trust k
expect 2 "hotfix verify: option '--trust KEYS' is required $see" "there is no trust without keys" hotfix verify f
expect 2 "hotfix verify: unexpected argument 'g' $see" "one FILE only" hotfix verify f g --trust k
expect 2 "hotfix verify: option '--trust' is given twice $see" "one trust store only" \
    hotfix verify f --trust k --trust l
expect 2 "hotfix verify: option '--target' needs an argument: --target BIN $see" "--target needs its argument" \
    hotfix verify f --trust k --target
expect 2 "hotfix verify: unknown option '--targt', did you mean '--target'? $see" "a typing error is answered" \
    hotfix verify f --trust k --targt b

make_target && make_stamped && make_manifest || exit 1
for name in release second stranger; do
    hotfix keygen $name >/dev/null || exit 1
done
mkdir trust && cp release.pub second.pub trust/
key_id() {
    openssl pkey -pubin -in "$1" -outform DER | tail -c 32 | sha256sum | cut -c 1-32
}
seal good release.key
cp manifest.ini good.ini && cp stamped.so good.so
restore() {
    cp good.ini manifest.ini && cp good.so stamped.so
}

expect 0 "" "a good bundle is verified" hotfix verify good --trust release.pub
is "its first line says whose signature counted" "$(head -n 1 "$OUT")" \
    "VERIFIED: signed by release, key id $(key_id release.pub)"
ok "its last that no target was looked at" \
    grep -qx 'unchecked    no target was given: --target BIN checks its build-id and code too' "$OUT"
expect 0 "" "a directory of keys is a trust store too" hotfix verify good --trust trust --target target
is "the target was looked at" "$(tail -n 1 "$OUT")" \
    "checked      target has this build-id and the code of every function"
strip -o stripped target
expect 0 "" "a stripped target will do" hotfix verify good --trust trust --target stripped
seal two stranger.key second.key
expect 0 "" "one trusted signature among strange ones is enough" hotfix verify two --trust trust
ok "it is named" grep -qx "VERIFIED: signed by second, key id $(key_id second.pub)" "$OUT"
run hotfix verify good --trust trust --target target --json
is "--json gives one object" "$status $(json .schema) $(json .ok) $(json .error) $(json .bundle.id)" \
    "0 hotfix.verify/1 true null $ID"
is "that lists what was verified" "$(json .verified)" "signature contents expiry payload target"
is "and by whom" "$(json .signed_by.name) $(json .signed_by.key_id)" "release $(key_id release.pub)"

# Signatures and trust: status 4.
expect 4 "hotfix verify: good: signed only by keys that are not in the trust store (key id $(key_id release.pub))" \
    "a signature by an unknown key does not count" hotfix verify good --trust stranger.pub
run hotfix verify good --trust stranger.pub --json
is "failure is an object too" "$status $(json .ok) $(json .status) $(json .error.code) $(json .verified)" \
    "4 false 4 signature "
seal unsigned
expect 4 "hotfix verify: unsigned: not signed" "an unsigned bundle is refused" hotfix verify unsigned --trust trust
sed -i 's/ten percent/two percent/' manifest.ini
seal other stranger.key
restore
archive=$(($(stat -c %s good) - 12 - 88 - 16 - 8 + 8))
{ head -c "$archive" other && tail -c +$((archive + 1)) good; } >moved
expect 4 "hotfix verify: moved: 0 of 1 keys agree; the signature by key release is not over these bytes: the bundle was changed" \
    "a signature does not pass to another archive" hotfix verify moved --trust trust
chmod g+w second.pub
expect 4 "hotfix verify: trust store second.pub: may be written by other users (mode 0664); chmod go-w it" \
    "a key that others may write is not trusted" hotfix verify good --trust second.pub
mkdir none
expect 4 "hotfix verify: trust store none: holds no *.pub key and no authority, so nothing can be trusted" "an empty store trusts nobody" \
    hotfix verify good --trust none
expect 4 "hotfix verify: trust store: release.key: holds no PEM public key" "a private key is no trust store" \
    hotfix verify good --trust release.key
expect 5 "hotfix verify: trust store nowhere: cannot be found: No such file or directory" \
    "a store that is not there cannot be read" hotfix verify good --trust nowhere
sed -i 's/^created = .*/&\nexpires = 2026-01-02T03:04:06Z/' manifest.ini
seal expired release.key
restore
expect 4 "hotfix verify: expired: the bundle expired on 2026-01-02T03:04:06Z" "an expired bundle is refused" \
    hotfix verify expired --trust trust

# Damage: whatever is cut off or flipped, it is refused as such or as unsigned, and never accepted.
size=$(stat -c %s good)
accepted=
for cut in 0 1 15 16 17 511 512 513 $((size / 3)) $((size / 2)) $((size - 117)) $((size - 17)) $((size - 16)) \
    $((size - 1)); do
    head -c "$cut" good >damaged
    run hotfix verify damaged --trust trust
    [ "$status" = 5 ] || accepted="$accepted $cut:$status"
done
is "a bundle cut off anywhere is malformed" "$accepted" ""
for at in $(seq 0 97 $((size - 1))) $(seq $((size - 116)) 5 $((size - 1))); do
    perl -0777 -pe 'BEGIN { $at = shift } substr($_, $at, 1) ^= chr(1 << $at % 8)' "$at" good >damaged
    run hotfix verify damaged --trust trust
    [ "$status" = 5 ] || [ "$status" = 4 ] || accepted="$accepted $at:$status"
done
is "a flipped bit anywhere is noticed" "$accepted" ""
{ cat good && echo; } >damaged
expect 5 "hotfix verify: damaged: not a hotfix bundle, or cut off: it does not end with the bundle trailer" \
    "so are bytes behind the end" hotfix verify damaged --trust trust
expect 5 "hotfix verify: missing: cannot be opened: No such file or directory" "a missing file cannot be read" \
    hotfix verify missing --trust trust

# Contents that do not fit together, sealed by a trusted key: status 5.
refused() {
    refresh_payload
    seal bad release.key
    expect 5 "hotfix verify: bad: $1" "$2" hotfix verify bad --trust trust
    restore
}
sed -i 's/^size = [0-9]*$/size = 1/' manifest.ini
seal bad release.key
expect 5 "hotfix verify: bad: patch.so: has $(stat -c %s stamped.so) bytes, the manifest says 1" \
    "a payload of another size is refused" hotfix verify bad --trust trust
restore
sed -i 's/^description = .*/&\nsurprise = 1/' manifest.ini
refused "manifest.ini line 11: unknown key 'surprise' in section [bundle]" "an unknown key is refused with its line"
echo not an ELF file >stamped.so
refused "patch.so: it is not an ELF file" "a payload must be an ELF file"
cp target stamped.so
"$CC" -c -o stamped.so patch.c
refused "patch.so: it is not a 64-bit little-endian shared object" "an object file is no patch"
cp patch.so stamped.so
refused "patch.so: it carries no stamp" "an unstamped patch is refused"
make_stamped ffeeddccbbaa99887766554433221100
refused "patch.so: its stamp is that of another bundle" "the stamp must have the bundle's id"
make_stamped "$ID" 1.1
refused "patch.so: its stamp is not of version 1.0" "and its version"
make_stamped && "$CC" -O2 -fPIC -shared -Wl,-soname,libother.so -o stamped.so patch.c stamp.s
refused "patch.so: its SONAME is not libhotfix-patch-$ID.so" "a patch of another SONAME is refused"
"$CC" -O2 -fPIC -shared -o stamped.so patch.c stamp.s
refused "patch.so: it has no SONAME" "so is one without"
data=$(printf '%#x' "0x$(nm stamped.so | sed -n 's/ [a-z] _DYNAMIC//p')")
sed -i "s/^replacement = .*/replacement = $data/" manifest.ini
refused "patch.so: the replacement of function discount does not lie in its code" "replacements must lie in code"
sed -i 's/^replacement-size = .*/replacement-size = 1000000/' manifest.ini
refused "patch.so: the replacement of function discount does not lie in its code" "all of each"
sed -i "s/^soname = .*/&\non-apply = $data/" manifest.ini
refused "patch.so: hotfix_on_apply does not lie in its code" "so must a hook"
other=aarch64
[ "$(uname -m)" != aarch64 ] || other=x86_64
sed -i "s/^arch = .*/arch = $other/" manifest.ini
refused "patch.so: it is made for $(uname -m), the manifest says $other" "a patch for another CPU is refused"

# Fix-ups: a table of one record, its fields given as text for the assembler.
fixups() {
    local build_id=${BUILD_ID:-$(readelf -nW target | sed -n 's/.*Build ID: //p')}
    {
        printf '.section .hotfix.fixups, "", @progbits\n.ascii "HFFIXUP1"\n.long 1, 1\n.byte %d, ' $((${#build_id} / 2))
        sed 's/../0x&,/g; s/,$//' <<<"$build_id"
        printf '.quad %s, %s, 0\n.long %s\n.short %s, %s\n' "$1" "$2" "$3" "$4" "$5"
        echo '.section .note.GNU-stack, "", @progbits'
    } >fixups.s
    "$CC" -O2 -g -fPIC -shared "-Wl,-soname,libhotfix-patch-$ID.so" -o stamped.so patch.c stamp.s fixups.s
    local at length
    read -r at length < <(readelf -SW stamped.so | sed -n \
        's/.* \.hotfix\.fixups *PROGBITS *[0-9a-f]* 0*\([0-9a-f]*\) 0*\([0-9a-f]*\) .*/\1 \2/p')
    sed -i "s/^soname = .*/&\nfixups-offset = 0x$at\nfixups-size = $((0x$length))/" manifest.ini
}
make_stamped
place=0x$(nm stamped.so | sed -n 's/ T discount//p')
value=0x$(nm target | sed -n 's/ T discount//p')
near=2 # R_X86_64_PC32
[ "$(uname -m)" != aarch64 ] || near=261 # R_AARCH64_PREL32
fixups "$place" "$value" $near 0 0
refresh_payload
seal rebound release.key
restore
expect 0 "" "a bundle with fix-ups is verified" hotfix verify rebound --trust trust --target target
fixups 0x7000000 "$value" $near 0 0
refused "patch.so: fix-up 0 at 0x7000000 lies outside its segments" "a fix-up must change the patch"
fixups "$place" "$value" 4711 0 0
refused "patch.so: fix-up 0 has relocation type 4711, not supported on $(uname -m)" "in a way that the CPU supports"
fixups "$place" "$value" $near 1 0
refused "patch.so: fix-up table: record 0 names module 1 of 1" "by a module of the table"
fixups "$place" "$value" $near 0 9
refused "patch.so: fix-up table: record 0 is of unknown kind 9" "and be of a kind that is known"
BUILD_ID=0123456789 fixups "$place" "$value" $near 0 0
refused "patch.so: the first module of its fix-up table is not the bundle's target" "the table must be for the target"
sed -i 's/^soname = .*/&\nfixups-offset = 0x40\nfixups-size = 20/' manifest.ini
refused "patch.so: fix-up table: does not begin with its magic" "a table must be where the manifest says"
fixups "$place" 0x70000000 $near 0 0
refresh_payload
seal bad release.key
restore
expect 5 "hotfix verify: target target: fix-up 0 refers to 0x70000000, which it does not have" \
    "a fix-up must refer to something in the target" hotfix verify bad --trust trust --target target

# Another target: status 1.
"$CC" -O2 -DOTHER -Wl,--build-id=sha1 -o other-target target.c target_main.c -Wl,--defsym=other=1
expect 1 "hotfix verify: target other-target: its build-id is $(readelf -nW other-target | sed -n 's/.*Build ID: //p'), \
the bundle is for $(readelf -nW target | sed -n 's/.*Build ID: //p')" "another build is refused" \
    hotfix verify good --trust trust --target other-target
run hotfix verify good --trust trust --target other-target --json
is "as JSON it says how far it came" "$(json .error.code) $(json .verified)" \
    "incompatible signature contents expiry payload"
"$CC" -O2 -Wl,--build-id=none -o no-id target.c target_main.c
expect 1 "hotfix verify: target no-id: it has no build-id, so nothing tells whether the bundle is for it" \
    "a target without build-id is refused" hotfix verify good --trust trust --target no-id
code=$(readelf -SW target | sed -n 's/.* \.text *PROGBITS *\([0-9a-f]*\) \([0-9a-f]*\) .*/0x\2 - 0x\1/p')
at=$((code + $(symbol target discount | cut -d' ' -f1) + 1))
perl -0777 -pe 'BEGIN { $at = shift } substr($_, $at, 1) ^= "\1"' "$at" target >edited
expect 1 "hotfix verify: target edited: the code of function discount is not what the bundle was made for; the file was \
edited after it was linked" "an edited target is refused" hotfix verify good --trust trust --target edited
data=$(printf '%#x' "0x$(nm target | sed -n 's/ [a-z] _DYNAMIC//p')")
sed -i "s/^offset = .*/offset = $data/" manifest.ini
seal bad release.key
restore
expect 1 "hotfix verify: target target: function discount does not lie in its code" "a function must lie in code" \
    hotfix verify bad --trust trust --target target
expect 5 "hotfix verify: target.c: is not an ELF file, or is cut off" "a target must be an ELF file" \
    hotfix verify good --trust trust --target target.c
expect 5 "hotfix verify: nothing: cannot be opened: No such file or directory" "a target must be there" \
    hotfix verify good --trust trust --target nothing

to_full() {
    hotfix "$@" >/dev/full
}
full="hotfix verify: cannot write to standard output: No space left on device"
expect 5 "$full" "a report that cannot be written is an error" to_full verify good --trust trust
expect 5 "$full" "so is an object" to_full verify good --trust trust --json

finish
