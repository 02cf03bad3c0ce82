/* SPDX-License-Identifier: Apache-2.0 */
/* What is UTF-8 (RFC 3629), and which characters are controls, hidden or blank: at the limits of each. */
#include "utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void each_length_begins_where_the_shorter_one_ends(void **state)
{
    static const struct {
        const char *text;
        uint32_t point;
        size_t size;
    } good[] = {
        {"\x01", 0x01, 1},
        {"\x7f", 0x7f, 1},
        {"\xc2\x80", 0x80, 2},
        {"\xdf\xbf", 0x7ff, 2},
        {"\xe0\xa0\x80", 0x800, 3},
        {"\xed\x9f\xbf", 0xd7ff, 3},
        {"\xee\x80\x80", 0xe000, 3},
        {"\xef\xbf\xbf", 0xffff, 3},
        {"\xf0\x90\x80\x80", 0x10000, 4},
        {"a\xff", 'a', 1},
        {"", 0, 1},
        {"\xf4\x8f\xbf\xbf", 0x10ffff, 4},
    };
    uint32_t point;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(hf_utf8_decode(good[i].text, &point), good[i].size);
        assert_int_equal(point, good[i].point);
    }
}

static void what_is_not_the_shortest_or_no_character_is_refused(void **state)
{
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2\x7f",
        "\xc2\xc0",
        "\xe0\x9f\xbf",
        "\xe0\xa0",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xf0\x90\x80",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xfc\x84\x80\x80\x80\x80",
        "\xfe\x80\x80\x80",
        "\xff\x80\x80\x80",
    };
    uint32_t point = 4711;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(hf_utf8_decode(bad[i], &point), 0);
    assert_int_equal(point, 4711);
}

static void kinds_end_where_they_end(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x100; point++) {
        assert_int_equal(hf_utf8_is_control(point), point <= 0x1f || (point >= 0x7f && point <= 0x9f));
        assert_int_equal(hf_utf8_is_hidden(point), hf_utf8_is_control(point) || point == 0xad);
        assert_int_equal(hf_utf8_is_blank(point), point == 0x20 || point == 0xa0);
    }
    for (uint32_t point = 0x2000; point < 0x2070; point++) {
        assert_int_equal(hf_utf8_is_hidden(point), (point >= 0x200b && point <= 0x200f) ||
                                                       (point >= 0x2028 && point <= 0x202e) || point >= 0x2060);
        assert_int_equal(hf_utf8_is_blank(point), point <= 0x200a || point == 0x202f || point == 0x205f);
    }
    assert_true(hf_utf8_is_hidden(0x61c) && hf_utf8_is_hidden(0xfeff) && hf_utf8_is_hidden(0xe0fff));
    assert_false(hf_utf8_is_hidden(0xe1000) || hf_utf8_is_control(0x10ffff) || hf_utf8_is_blank(0x10ffff));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_length_begins_where_the_shorter_one_ends),
        cmocka_unit_test(what_is_not_the_shortest_or_no_character_is_refused),
        cmocka_unit_test(kinds_end_where_they_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
