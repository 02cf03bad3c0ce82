#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each header compiles on its own; the public one in C++ too, and in the oldest dialects that programs use.

. "$(dirname "$0")/../story/lib.sh"
cd "$ROOT" || exit 1

alone() {
    local header wrong=0
    for header in manifest/*.h manifest/*/*.h arch/*.h arch/*/*.h loader/*.h loader/*/*.h packager/*/*.h packager/*/*/*.h operator/*.h operator/*/*.h; do
        local own=-Iloader
        [[ $header == packager/* ]] && own=-Ipackager
        [[ $header == operator/* ]] && own=-Ioperator
        echo "#include \"$header\"" |
            "$CC" -x c -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function -D_GNU_SOURCE -I. -Imanifest -Imanifest/trust -Imanifest/base -Iarch "$own" \
                -fsyntax-only - || wrong=1
    done
    return "$wrong"
}

# public COMPILER OPTION...: a program that uses the public header compiles, and so do its initialisers.
public() {
    "$@" -Wall -Wextra -Werror -pedantic -Iloader -Imanifest -fsyntax-only - <<'SOURCE'
#include <hotfix.h>
int main(void)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_apply_options how = HOTFIX_APPLY_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix *hotfix = 0;
    struct hotfix_error error;

    if (hotfix_open(&options, &hotfix, &error) != 0 || hotfix_apply_opt(hotfix, "", &how, &result) != 0)
        return 1;
    hotfix_result_deinit(&result);
    hotfix_close(hotfix);
    return 0;
}
SOURCE
}

ok "every header compiles on its own" alone
ok "hotfix.h is C99" public "$CC" -x c -std=c99
ok "hotfix.h is C23" public "$CC" -x c -std=c2x
ok "hotfix.h is C++11" public g++ -x c++ -std=c++11
ok "hotfix.h is C++20" public g++ -x c++ -std=c++20

finish
