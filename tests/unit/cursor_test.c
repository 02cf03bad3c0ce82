/* SPDX-License-Identifier: Apache-2.0 */
#include "cursor.h"

#include "manifest_fixture.h"

static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static void a_read_beyond_the_end_fails_and_stays_failed(void **state)
{
    struct hf_cursor cursor;

    (void)state;
    hf_cursor_init(&cursor, bytes, 3);
    assert_int_equal(hf_cursor_u32(&cursor), 0);
    assert_true(cursor.failed);
    assert_int_equal(hf_cursor_u8(&cursor), 0);
    assert_null(hf_cursor_bytes(&cursor, 0));
    assert_false(hf_cursor_done(&cursor));
}

static void a_huge_length_does_not_wrap(void **state)
{
    struct hf_cursor cursor;

    (void)state;
    hf_cursor_init(&cursor, bytes, sizeof(bytes));
    hf_cursor_u8(&cursor);
    assert_null(hf_cursor_bytes(&cursor, SIZE_MAX));
    assert_true(cursor.failed);
}

static void numbers_are_little_endian(void **state)
{
    struct hf_cursor cursor;

    (void)state;
    hf_cursor_init(&cursor, bytes, sizeof(bytes));
    assert_int_equal(hf_cursor_u8(&cursor), 1);
    assert_int_equal(hf_cursor_u16(&cursor), 0x0302);
    assert_int_equal(hf_cursor_u32(&cursor), 0x07060504);
    assert_false(hf_cursor_done(&cursor));
    assert_ptr_equal(hf_cursor_bytes(&cursor, 2), bytes + 7);
    assert_true(hf_cursor_done(&cursor));
    hf_cursor_init(&cursor, bytes, sizeof(bytes));
    assert_true(hf_cursor_u64(&cursor) == UINT64_C(0x0807060504030201));
}

static void what_is_put_is_read_again(void **state)
{
    struct hf_cursor cursor;
    uint8_t out[8 + 2];

    (void)state;
    uint8_t *end = hf_put(hf_put(out, UINT64_C(0xfedcba9876543210), 8), 0x12345, 2);
    assert_ptr_equal(end, out + sizeof(out));
    hf_cursor_init(&cursor, out, sizeof(out));
    assert_true(hf_cursor_u64(&cursor) == UINT64_C(0xfedcba9876543210));
    assert_int_equal(hf_cursor_u16(&cursor), 0x2345);
    assert_true(hf_cursor_done(&cursor));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_beyond_the_end_fails_and_stays_failed),
        cmocka_unit_test(a_huge_length_does_not_wrap),
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(what_is_put_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
