#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may include whom: packager and loader use manifest and arch, these two use nothing of ours, operator uses manifest and
# arch, and carries the loader, examples use what is installed. What the compiler really reads is what counts.

. "$(dirname "$0")/../story/lib.sh"
cd "$ROOT" || exit 1

# reads_only FOLDER ALLOWED OPTION...: every file of the folder reads only own files whose path matches.
reads_only() {
    local folder=$1 allowed=$2 wrong=0 file path
    shift 2
    while read -r file; do
        local list
        list=$("$CC" -M -x c -std=gnu11 -D_GNU_SOURCE -DHF_ARCH_HOST=hf_arch_x86_64 "$@" "$file") || return 1
        while read -r path; do
            if [[ $path == "$ROOT"/* && ! ${path#"$ROOT"/} =~ ^($allowed) ]]; then
                echo "$file includes ${path#"$ROOT"/}" | diagnose
                wrong=1
            fi
        done < <(sed 's/^[^:]*: *//; s/\\$//' <<<"$list" | xargs realpath)
    done < <(find "$folder" -name '*.[ch]' | sort)
    return "$wrong"
}

all="-Imanifest -Imanifest/trust -Imanifest/base -Iarch -Iloader -Ipackager"

# shellcheck disable=SC2086 # words
{
    ok "manifest includes manifest only" reads_only manifest manifest/ $all
    ok "arch includes arch only" reads_only arch arch/ $all
    ok "loader includes loader, manifest and arch only" reads_only loader 'loader/|manifest/|arch/' -Imanifest -Imanifest/trust -Imanifest/base -Iarch -Iloader
    ok "packager includes packager, manifest and arch only" \
        reads_only packager 'packager/|manifest/|arch/' -Imanifest -Imanifest/trust -Imanifest/base -Iarch -Ipackager
    ok "operator includes operator, manifest, arch and handles of the loader only" \
        reads_only operator 'operator/|manifest/|arch/|loader/(handle|hotfix)\.h' -Imanifest -Imanifest/trust -Imanifest/base -Iarch -Iloader -Ioperator
    ok "examples include what is installed only" \
        reads_only examples 'examples/|loader/hotfix\.h|manifest/hotfix/error\.h' -Iexamples/webapp $all
}

# lacks FOLDER PATTERN [FILES]: no line of code matches, but in files that match.
lacks() {
    local folder=$1 pattern=$2 except=${3-$^} found
    found=$(grep -rnE --include='*.[ch]' "$pattern" "$folder" | grep -vE "$except|^[^:]*:[0-9]*: *(/\*|\*)")
    [ -z "$found" ] || diagnose <<<"$found"
    [ -z "$found" ]
}

ok "arch prints nothing and reads no file" lacks arch '#include <(stdio|unistd|fcntl|sys/.*)\.h>'
ok "arch compiles the same on every host" lacks arch '^ *# *if.*__(x86_64|aarch64|amd64|i386|riscv)'
ok "only the analysis of entries, loops, values, constants, stores and chance uses the disassembler" lacks arch '#include <capstone' \
    '^arch/[^/]*/(entry|flow|step|inert|constant|chance|store)\.c:'
ok "only what goes into processes uses the loader" lacks operator '#include "(handle|hotfix)\.h"' '^operator/inside/'
ok "the packager knows instructions from arch alone" lacks packager '#include <capstone' \
    '^packager/cli/disassembler\.c:'
ok "manifest reads neither ELF nor DWARF" \
    lacks manifest '#include <(libelf|gelf|elfutils|libdwarf|jansson|capstone)'
ok "the operator's command reads ELF by itself" \
    lacks operator '#include <(libelf|gelf|elfutils|libdwarf|jansson|capstone)'
ok "the loader reads neither symbol tables nor DWARF" lacks loader '#include <(libelf|gelf|elfutils|libdwarf|jansson|capstone)'
ok "the loader never exits, aborts or prints" \
    lacks loader '(^|[^A-Za-z0-9_.>])(exit|_exit|quick_exit|abort|assert|printf|puts|putchar|perror|fprintf|vfprintf|syslog) ?\('

finish
