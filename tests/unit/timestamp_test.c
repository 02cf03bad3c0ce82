/* SPDX-License-Identifier: Apache-2.0 */
/* Dates and times as bundles and policies write them: one spelling each. */
#include "timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LAST INT64_C(253402300799)

static void times_are_read_as_they_are_written(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } times[] = {
        {"1970-01-01T00:00:00Z", 0},          {"1970-01-01T00:00:01Z", 1},          {"2000-02-29T12:00:00Z", 951825600},
        {"2026-11-30T23:59:59Z", 1796083199}, {"2038-01-19T03:14:08Z", 2147483648}, {"9999-12-31T23:59:59Z", LAST},
    };
    char text[HF_TIME_SIZE];
    int64_t seconds;

    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        assert_int_equal(hf_time_parse(times[i].text, &seconds), 0);
        assert_int_equal(seconds, times[i].seconds);
        assert_int_equal(hf_time_parse_end(times[i].text, &seconds), 0);
        assert_int_equal(seconds, times[i].seconds);
        hf_time_format(seconds, text);
        assert_string_equal(text, times[i].text);
    }
    hf_time_format(INT64_MAX, text);
    assert_string_equal(text, "");
}

static void other_spellings_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-11-30",
        "2026-11-30T23:59:59",
        "2026-11-30T23:59:59Z ",
        " 2026-11-30T23:59:59Z",
        "2026-11-30T23:59:59Zx",
        "2026-11-30 23:59:59Z",
        "2026-11-30T23:59:59z",
        "2026-11-30T23:59:59+00:00",
        "2026-11-30T23:59:60Z",
        "2026-11-30T24:00:00Z",
        "2026-11-31T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-1-01T00:00:00Z",
        "2026-01- 1T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "-2026-01-01T00:00:00Z",
    };
    int64_t seconds = 4711;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(hf_time_parse(bad[i], &seconds), -1);
    assert_int_equal(seconds, 4711);
}

static void a_date_ends_with_its_last_second(void **state)
{
    static const char *const bad[] = {
        "", "2026-11-30T", "2026-11-31", "2026-11-30 ", "2026-11-3", "2026-11-30T23:59:59", "10000-01-01", "1969-12-31",
    };
    int64_t seconds;

    (void)state;
    assert_int_equal(hf_time_parse_end("2026-11-30", &seconds), 0);
    assert_int_equal(seconds, 1796083199);
    assert_int_equal(hf_time_parse_end("9999-12-31", &seconds), 0);
    assert_int_equal(seconds, LAST);
    seconds = 4711;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(hf_time_parse_end(bad[i], &seconds), -1);
    assert_int_equal(seconds, 4711);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_as_they_are_written),
        cmocka_unit_test(other_spellings_are_refused),
        cmocka_unit_test(a_date_ends_with_its_last_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
