#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What holds for every file of the project.

. "$(dirname "$0")/../story/lib.sh"
cd "$ROOT" || exit 1

mapfile -t files < <(find . \( -name .git -o -path './build*' \) -prune -o -type f -printf '%P\n' | sort)
mapfile -t code < <(printf '%s\n' "${files[@]}" | grep -vE '^(LICENSE|\.gitignore|docs/abi/.*|tests/fuzz/corpus/.*|tests/cases/.*/.*|.*\.patch)$|\.md$')

# none CLAIM LINES: one test, that there are no lines; they are what it found.
none() {
    [ -z "$2" ]
    result $? "$1" || diagnose <<<"$2"
}

none "every file says its licence near its top" "$(
    for file in "${code[@]}"; do
        head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2\.0' || echo "$file"
    done
)"
none "no source file is longer than 800 lines" \
    "$(wc -l "${code[@]}" | awk '$2 != "total" && $2 !~ "^tests/vectors/" && $1 > 800 { print $2 ": " $1 " lines" }')"
none "nothing is left to be done" "$(grep -nIwE 'TO''DO|FIX''ME|XX''X|HA''CK' "${code[@]}")"
none "no line ends in blanks" "$(grep -nIE '[ 	]+$' "${code[@]}" | grep -v '^tests/.*\.t:')"
none "every script but prove's can be run" "$(
    for file in "${code[@]}"; do
        if [[ $file != *.t ]] && [ ! -x "$file" ] &&
            [ "$(head -c 2 "$file" | tr -d '\0')" = '#!' ]; then
            echo "$file"
        fi
    done
)"
none "no file is a compiled one" "$(file --mime-type "${files[@]}" | grep -E 'application/(x-(executable|sharedlib|object|archive|pie-executable)|zip|gzip)' |
    grep -v '^tests/fuzz/corpus/')"
none "what the Makefile offers has a line of help" "$(
    make --no-print-directory help | awk '{ print $1 }' | sort >"$SCRATCH/helped"
    printf '%s\n' all check demo bench fuzz lint format install clean | sort | comm -23 - "$SCRATCH/helped"
)"

finish
