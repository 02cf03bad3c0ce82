#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Can this fix go out hot? For CI jobs: reports to people and to the CI system, and exits as `hotfix check` does.
#
#     hotfix-check.sh TARGET PATCH.so [OPTION...]    options of hotfix check: picks, --waivers FILE, --debug FILE
#
# Writes hotfix.sarif, hotfix.junit.xml and hotfix.json to the directory REPORTS (.). HOTFIX is the command.

set -u
: "${HOTFIX:=hotfix}" "${REPORTS:=.}"
if [ $# -lt 2 ]; then
    echo "usage: hotfix-check.sh TARGET PATCH.so [OPTION of hotfix check]..." >&2
    exit 2
fi
command -v "$HOTFIX" >/dev/null || {
    echo "hotfix-check.sh: there is no $HOTFIX: install hotfix, or set HOTFIX" >&2
    exit 2
}
mkdir -p "$REPORTS" || exit 2

check() {
    "$HOTFIX" check --target "$1" --patch "$2" "${@:3}"
}

# The formats for machines say on standard error what the last run says again.
check "$@" --format sarif >"$REPORTS/hotfix.sarif" 2>/dev/null
check "$@" --format junit >"$REPORTS/hotfix.junit.xml" 2>/dev/null
check "$@" --format json >"$REPORTS/hotfix.json" 2>/dev/null
if [ -n "${GITHUB_ACTIONS-}" ]; then
    check "$@" --format github
else
    check "$@"
fi
status=$?
case $status in
0) echo "hot: the fix can go out as a bundle" ;;
1) echo "not hot: the fix does not fit the target, and needs a release" ;;
3) echo "not hot: nothing proves that the fix fits the target; add the proof, or a waiver" ;;
*) echo "undecided: the check could not be made (exit status $status)" ;;
esac
exit "$status"
