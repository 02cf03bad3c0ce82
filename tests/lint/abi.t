#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What libhotfix promises to programs that are linked already (docs/abi.md) is what it promised before.

. "$(dirname "$0")/../story/lib.sh"
cd "$ROOT" || exit 1

if [ "$(uname -m)" != x86_64 ]; then
    echo "1..0 # SKIP docs/abi is of x86-64"
    exit 0
fi

abidiff docs/abi/libhotfix.abi "$BUILD/libhotfix.so" >"$OUT" 2>&1
result $? "the library's ABI is that of docs/abi/libhotfix.abi" || diagnose <"$OUT"

# A test that cannot fail is none.
sed 's/<enumerator name=.HOTFIX_UNLOAD. value=.1./<enumerator name="HOTFIX_UNLOAD" value="7"/' docs/abi/libhotfix.abi >"$SCRATCH/other.abi"
abidiff "$SCRATCH/other.abi" "$BUILD/libhotfix.so" >"$OUT" 2>&1
is "another value of an enumerator is seen" $(($? & 4)) 4
finish
