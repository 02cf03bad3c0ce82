#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The rooms of docs/design.md: which may include which, that no file includes one that includes it, and that no room is
# wider than one can hold in mind. Told by the #include lines.

. "$(dirname "$0")/../story/lib.sh"
cd "$ROOT" || exit 1

# Lower rooms first: a room includes itself and those before it. Rooms in one line do not include each other.
rooms='
manifest/hotfix
manifest/base
manifest/trust
manifest
arch
arch/aarch64 arch/x86_64
packager/elf packager/compiler
packager/ui packager/x509 packager/dwarf
packager/types
packager/program
packager/object packager/patch
packager/compare packager/prove
packager/reference
packager/choose
packager/link
packager/check
packager/check/code packager/check/compiled packager/check/loading
packager/check/data
packager/live packager/sign packager/verify packager/source
packager/pack packager/debian
packager/provenance packager/format
packager/cli
loader/process
loader/stop
loader/stage
loader/applied
loader/switch
loader/unload loader/verify
loader
operator/shared operator/process
operator/inside
operator/preload
operator/enter
operator/state
operator
'

# Each "FILE INCLUDED" of our own files, as paths. The public header is nobody's: everybody in the loader has it.
edges() {
    find manifest arch packager loader operator -name '*.[ch]' -print0 | xargs -0 grep -oE '^#include "[^"]+"' |
        while IFS=: read -r file line; do
            local name=${line#*\"}
            name=${name%\"}
            for base in "${file%/*}" "${file%%/*}" manifest manifest/base manifest/trust arch loader; do
                [ -f "$base/$name" ] || continue
                [ "$base/$name" = loader/hotfix.h ] || echo "$file $base/$name"
                continue 2
            done
            echo "$file ?$name"
        done
}
edges >"$SCRATCH/edges"

none() {
    [ -z "$2" ]
    result $? "$1" || diagnose <<<"$2"
}

none "every own header is found" "$(grep -F '?' "$SCRATCH/edges")"
none "every folder is a room" "$(find manifest arch packager loader operator -name '*.[ch]' -printf '%h\n' | sort -u |
    grep -vxF -f <(xargs -n 1 <<<"$rooms"))"
none "no room includes a higher one" "$(awk '
    NR == FNR { for (i = 1; i <= NF; i++) floor[$i] = FNR; next }
    {
        from = $1; to = $2
        sub(/\/[^\/]*$/, "", from); sub(/\/[^\/]*$/, "", to)
        if (from != to && floor[to] >= floor[from]) print $1 " includes " $2
    }' <(printf '%s' "$rooms") "$SCRATCH/edges")"
none "no file includes one that includes it" "$(sed -E 's/\.[ch]\b//g' "$SCRATCH/edges" | awk '$1 != $2' | tsort 2>&1 >/dev/null)"
none "no room has more than fifteen files and their headers" "$(
    find manifest arch packager loader operator -name '*.[ch]' | sed 's/\.[ch]$//' | sort -u | sed 's#/[^/]*$##' | uniq -c |
        awk '$1 > 15 { print $2 ": " $1 }'
)"
finish
