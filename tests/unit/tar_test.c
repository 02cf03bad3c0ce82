/* SPDX-License-Identifier: Apache-2.0 */
/* The one header that a member of a bundle may have, up to the limits of its fields. */
#include "tar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_AT 124
#define TIME_AT 136
#define SUM_AT  148

static uint8_t header[HF_TAR_BLOCK];

static void fields_hold_what_they_have_room_for(void **state)
{
    char name[101];
    unsigned sum = 0;

    (void)state;
    memset(name, 'x', sizeof(name));
    name[99] = '\0';
    assert_int_equal(hf_tar_header(name, (UINT64_C(1) << 33) - 1, (INT64_C(1) << 33) - 1, header), 0);
    assert_string_equal((char *)header, name);
    assert_memory_equal(header + SIZE_AT, "77777777777 ", 12);
    assert_memory_equal(header + TIME_AT, "77777777777 ", 12);
    assert_int_equal(hf_tar_header("a", 0, 0, header), 0);
    assert_memory_equal(header + SIZE_AT, "00000000000 ", 12);
    assert_memory_equal(header + TIME_AT, "00000000000 ", 12);
    for (size_t i = 0; i < sizeof(header); i++)
        sum += i >= SUM_AT && i < SUM_AT + 8 ? ' ' : header[i];
    assert_int_equal(strtoul((char *)header + SUM_AT, NULL, 8), sum);
}

static void what_does_not_fit_has_no_header(void **state)
{
    char name[101];

    (void)state;
    memset(name, 'x', sizeof(name));
    name[100] = '\0';
    memset(header, 0x5a, sizeof(header));
    assert_int_equal(hf_tar_header(name, 1, 1, header), -1);
    assert_int_equal(hf_tar_header("a", UINT64_C(1) << 33, 1, header), -1);
    assert_int_equal(hf_tar_header("a", UINT64_MAX, 1, header), -1);
    assert_int_equal(hf_tar_header("a", 1, INT64_C(1) << 33, header), -1);
    assert_int_equal(hf_tar_header("a", 1, -1, header), -1);
    for (size_t i = 0; i < sizeof(header); i++)
        assert_int_equal(header[i], 0x5a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_hold_what_they_have_room_for),
        cmocka_unit_test(what_does_not_fit_has_no_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
