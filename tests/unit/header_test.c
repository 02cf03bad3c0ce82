/* SPDX-License-Identifier: Apache-2.0 */
/* The public header, as programs see it. Runs in the source tree's root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "hotfix.h"

#define PROGRAM                                                                                                        \
    "printf '#include <hotfix.h>\\nint f(void) { hotfix_options o = HOTFIX_OPTIONS_INIT; hotfix_result r = "           \
    "HOTFIX_RESULT_INIT; return (int)(o.size + r.size); }\\n' | sed \"$EDIT\" | "
#define STRICT " -Wall -Wextra -Wpedantic -Werror -Iloader -Imanifest -fsyntax-only -"

static void cxx_programs_can_include_it(void **state)
{
    (void)state;
    assert_int_equal(system("EDIT=; " PROGRAM "${CXX:-c++} -x c++ -std=c++11" STRICT), 0);
    assert_int_equal(system("EDIT=; " PROGRAM "${CXX:-c++} -x c++ -std=c++20" STRICT), 0);
}

static void strict_c_programs_can_include_it(void **state)
{
    (void)state;
    assert_int_equal(system("EDIT='s/hotfix_[or][a-z]* /struct &/g'; " PROGRAM "${CC:-cc} -x c -std=c99" STRICT), 0);
}

static void version_map_exports_exactly_what_it_declares(void **state)
{
    (void)state;
    assert_int_equal(
        system("set -e; declared=$(sed -n 's/^HOTFIX_API.*[ *]\\(hotfix_[a-z_]*\\)(.*/\\1/p' loader/hotfix.h | sort); "
               "exported=$(sed -n 's/^ *\\(hotfix_[a-z_]*\\);$/\\1/p' loader/hotfix.map | sort); "
               "test -n \"$declared\"; test \"$declared\" = \"$exported\""),
        0);
}

static void initialisers_name_their_size(void **state)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    assert_int_equal(options.size, sizeof(options));
    assert_null(options.trust);
    assert_int_equal(result.size, sizeof(result));
    assert_int_equal(result.error.code, HOTFIX_OK);
    assert_string_equal(result.log, "");
    assert_string_equal(hotfix_version(), HOTFIX_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cxx_programs_can_include_it),
        cmocka_unit_test(strict_c_programs_can_include_it),
        cmocka_unit_test(version_map_exports_exactly_what_it_declares),
        cmocka_unit_test(initialisers_name_their_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
