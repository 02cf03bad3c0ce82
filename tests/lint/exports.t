#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The library as others see it: hotfix.h, the version map, libhotfix.so and libhotfix.a offer the same functions. And how
# the command is linked.

. "$(dirname "$0")/../story/lib.sh"
cd "$ROOT" || exit 1

library=$BUILD/libhotfix.so
declared=$(cpp -P -Imanifest loader/hotfix.h | tr -d '\n' | grep -oE 'hotfix_[a-z_]+\(' | tr -d '(' | sort -u)
mapped=$(sed -n '/global:/,/local:/s/^ *\(hotfix_[a-z_]*\);$/\1/p' loader/hotfix.map)
exported=$(nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort)
archived=$(nm -g --defined-only "$BUILD/libhotfix.a" | awk 'NF == 3 { print $3 }' | sort)

is "the map lists what hotfix.h declares" "$mapped" "$declared"
is "libhotfix.so exports what the map lists" "$exported" "$mapped"
is "libhotfix.a offers the same and nothing else" "$archived" "$mapped"
is "libhotfix.so is named by its ABI" "$(readelf -dW "$library" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" libhotfix.so.0
if [ -z "${SAN-}" ]; then
    is "libhotfix.so needs libcrypto and the C library only" \
        "$(readelf -dW "$library" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -v '^ld-linux' | sort | xargs)" \
        "libc.so.6 libcrypto.so.3"
fi
is "libhotfix.so wants no executable stack" "$(readelf -lW "$library" | awk '$1 == "GNU_STACK" { print $7 }')" RW
is "libhotfix.so has no relocations in its code" "$(readelf -dW "$library" | grep -c TEXTREL)" 0
# Flags of the command's objects must not come down to what is built for them, in whatever order that is.
is "the library is compiled with its own flags" \
    "$(make -nB V=1 SAN= CC="${CC:-cc}" BUILD="$SCRATCH/none" all 2>/dev/null | grep -c 'FORTIFY.* -c loader/')" 0

# The command: nothing that it calls can be redirected once it runs, and the C library checks its buffers.
command=$BUILD/hotfix
ok "the command binds all that it calls when it starts" grep -q BIND_NOW <(readelf -dW "$command")
ok "and protects what it bound" grep -q GNU_RELRO <(readelf -lW "$command")
ok "it is position independent" grep -q 'Type: *DYN' <(readelf -hW "$command")
is "it wants no executable stack" "$(readelf -lW "$command" | awk '$1 == "GNU_STACK" { print $7 }')" RW
if [ -z "${SAN-}" ]; then
    for part in packager/ui/report fortified/manifest/base/file; do
        ok "the buffers of $part are checked" grep -q '__[a-z]*printf_chk' <(nm "$BUILD/obj/$part.o")
    done
fi

# hotfixctl: as the command, and it starts in a moment, since it needs little.
operator=$BUILD/hotfixctl
if [ -e "$operator" ]; then
    ok "hotfixctl binds all that it calls when it starts" grep -q BIND_NOW <(readelf -dW "$operator")
    ok "and protects what it bound" grep -q GNU_RELRO <(readelf -lW "$operator")
    ok "it is position independent" grep -q 'Type: *DYN' <(readelf -hW "$operator")
    is "it wants no executable stack" "$(readelf -lW "$operator" | awk '$1 == "GNU_STACK" { print $7 }')" RW
    is "it needs libcrypto and the C library only" \
        "$(readelf -dW "$operator" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | sort | xargs)" "libc.so.6 libcrypto.so.3"
    inside=$BUILD/libhotfix-inside.so
    is "what it carries into processes needs the C library only" \
        "$(readelf -dW "$inside" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -v '^ld-linux' | sort | xargs)" libc.so.6
    agent=$BUILD/libhotfix-agent.so
    is "what is preloaded, too" "$(readelf -dW "$agent" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | xargs)" libc.so.6
    is "and offers nothing" "$(nm -D --defined-only "$agent")" ""
    is "nor does it allocate" "$(nm -D --undefined-only "$agent" | grep -cE 'alloc|opendir|fopen')" 0
    is "the other one offers its entries, its board, and what patches may call" \
        "$(nm -D --defined-only "$inside" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort | xargs)" \
        "hotfix_agent_board hotfix_agent_enter hotfix_agent_start $(grep -oE 'hotfix_(shadow|stack)_[a-z_]*' loader/hotfix.map | sort | xargs)"
fi

finish
