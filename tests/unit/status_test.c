/* SPDX-License-Identifier: Apache-2.0 */
/* Every error code has the exit status that hotfix(1) promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "error.h"
#include "status.h"

static void codes_outside_the_enum_are_internal(void **state)
{
    (void)state;
    assert_int_equal(hf_status_of((enum hotfix_code)(HOTFIX_NEVER + 1)), 70);
    assert_int_equal(hf_status_of((enum hotfix_code) - 1), 70);
}

static void each_code_has_its_status(void **state)
{
    (void)state;
    static const struct {
        enum hotfix_code code;
        int status;
    } promised[] = {
        {HOTFIX_OK, 0},           {HOTFIX_INCOMPATIBLE, 1}, {HOTFIX_USAGE, 2},   {HOTFIX_UNPROVEN, 3},
        {HOTFIX_SIGNATURE, 4},    {HOTFIX_TRUST, 4},        {HOTFIX_EXPIRED, 4}, {HOTFIX_REVOKED, 4},
        {HOTFIX_IO, 5},           {HOTFIX_FORMAT, 5},       {HOTFIX_STAGE, 6},   {HOTFIX_NO_TARGET, 6},
        {HOTFIX_CODE_DIFFERS, 6}, {HOTFIX_APPLIED, 6},      {HOTFIX_STOP, 6},    {HOTFIX_NOT_APPLIED, 6},
        {HOTFIX_BUSY, 6},         {HOTFIX_SWITCH, 6},       {HOTFIX_PATCHER, 6}, {HOTFIX_MEMORY, 70},
        {HOTFIX_INTERNAL, 70},    {HOTFIX_REPLAYED, 4},     {HOTFIX_TORN, 6},    {HOTFIX_NEVER, 7},
    };
    for (size_t i = 0; i < sizeof promised / sizeof promised[0]; i++)
        assert_int_equal(hf_status_of(promised[i].code), promised[i].status);
}

/* A new code without a line in the table would pass for success. */
static void no_code_but_ok_passes_for_success(void **state)
{
    (void)state;
    for (int code = HOTFIX_OK + 1; code <= HOTFIX_NEVER; code++) {
        assert_int_not_equal(hf_status_of((enum hotfix_code)code), 0);
        assert_string_not_equal(hf_error_name((enum hotfix_code)code), "unknown");
    }
}

static void each_status_is_in_the_table(void **state)
{
    (void)state;
    for (int code = HOTFIX_OK; code <= HOTFIX_NEVER; code++) {
        bool found = false;
        for (size_t i = 0; i < hf_status_count; i++)
            found |= hf_statuses[i].status == hf_status_of((enum hotfix_code)code);
        assert_true(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_outside_the_enum_are_internal),
        cmocka_unit_test(no_code_but_ok_passes_for_success),
        cmocka_unit_test(each_code_has_its_status),
        cmocka_unit_test(each_status_is_in_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
