#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Scripts and man pages, by the tools that know them.

. "$(dirname "$0")/../story/lib.sh"
cd "$ROOT" || exit 1

mapfile -t scripts < <(find . \( -name .git -o -path './build*' \) -prune -o -type f -printf '%P\n' | sort |
    xargs grep -lE -m1 '^(#!/bin/(ba)?sh|# shellcheck shell=)')
ok "shellcheck finds nothing in ${#scripts[@]} scripts" shellcheck "${scripts[@]}"

pages=(docs/man/*.[1-9])
[ -e "${pages[0]}" ] || pages=()
ok "mandoc finds nothing in ${#pages[@]} man pages" mandoc -Tlint -Wwarning "${pages[@]}" </dev/null

# Every verb of the command has a page, and every page is about something that there is.
while read -r verb; do
    ok "hotfix $verb has a man page" test -e "docs/man/hotfix-$verb.1"
done < <("$HOTFIX" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')

finish
