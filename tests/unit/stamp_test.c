/* SPDX-License-Identifier: Apache-2.0 */
#include "stamp.h"

#include <time.h>

#include "manifest_fixture.h"

static void names_that_could_be_paths_options_or_markup_are_refused(void **state)
{
    static const char *const bad[] = {"", ".hidden", "-option", "a/b", "..", "a b", "a\n", "caf\xc3\xa9", "~a", "a:b"};
    char longest[HF_NAME_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(hf_name_valid(bad[i]));
    memset(longest, 'a', sizeof(longest));
    longest[HF_NAME_MAX + 1] = '\0';
    assert_false(hf_name_valid(longest));
    longest[HF_NAME_MAX] = '\0';
    assert_true(hf_name_valid(longest));
    assert_true(hf_name_valid("1.2.3-4+deb12u1~rc1_x"));
}

static void times_in_another_spelling_or_out_of_range_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00:00z",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00+00:00",
        "2026-1-31T12:00:00Z",
        " 2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00Z ",
        "2026-02-30T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:60Z",
        "2026-01-31T12:00:00.5Z",
        "1969-12-31T23:59:59Z",
        "10000-01-01T00:00:00Z",
    };
    int64_t seconds = 77;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (hf_time_parse(bad[i], &seconds) == 0)
            fail_msg("'%s' was accepted", bad[i]);
        assert_int_equal(seconds, 77);
    }
}

static void times_go_both_ways(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } times[] = {
        {0, "1970-01-01T00:00:00Z"},
        {FIXTURE_TIME, "2023-11-14T22:13:20Z"},
        {INT64_C(1709210096), "2024-02-29T12:34:56Z"},
        {INT64_C(253402300799), "9999-12-31T23:59:59Z"},
    };
    char text[HF_TIME_SIZE];
    int64_t seconds;

    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        hf_time_format(times[i].seconds, text);
        assert_string_equal(text, times[i].text);
        assert_int_equal(hf_time_parse(text, &seconds), 0);
        assert_true(seconds == times[i].seconds);
    }
}

static void a_source_date_epoch_that_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {"", "x", "-1", "+1", " 1", "1x", "1.5", "8589934592", "99999999999999999999"};
    int64_t seconds = 77;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        setenv("SOURCE_DATE_EPOCH", bad[i], 1);
        assert_refused(hf_stamp_time(&seconds, ERR), HOTFIX_USAGE, "SOURCE_DATE_EPOCH");
        assert_int_equal(seconds, 77);
    }
    unsetenv("SOURCE_DATE_EPOCH");
}

static void the_time_is_source_date_epoch_or_now(void **state)
{
    int64_t seconds;

    (void)state;
    setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    assert_done(hf_stamp_time(&seconds, ERR));
    assert_true(seconds == FIXTURE_TIME);
    unsetenv("SOURCE_DATE_EPOCH");
    int64_t before = time(NULL);
    assert_done(hf_stamp_time(&seconds, ERR));
    assert_true(seconds >= before && seconds <= time(NULL));
}

static void an_id_depends_on_every_input_and_on_nothing_else(void **state)
{
    struct hf_manifest manifest;
    uint8_t id[HF_ID_SIZE], other[HF_ID_SIZE];
    uint8_t payload[] = {1, 2, 3};

    (void)state;
    hf_manifest_init(&manifest);
    strcpy(manifest.name, "ab");
    strcpy(manifest.version, "c");
    manifest.target_build_id.size = 2;
    assert_done(hf_stamp_id(&manifest, payload, 3, id, ERR));
    manifest.expires = 5;
    manifest.fixups_size = 9;
    assert_done(hf_stamp_id(&manifest, payload, 3, other, ERR));
    assert_memory_equal(id, other, HF_ID_SIZE);

#define assert_other_id(change, payload_size, undo)                                                                    \
    change;                                                                                                            \
    assert_done(hf_stamp_id(&manifest, payload, payload_size, other, ERR));                                            \
    assert_memory_not_equal(id, other, HF_ID_SIZE);                                                                    \
    undo
    assert_other_id(manifest.name[0] = 'x', 3, manifest.name[0] = 'a');
    assert_other_id(manifest.version[0] = 'x', 3, manifest.version[0] = 'c');
    assert_other_id(manifest.created = 1, 3, manifest.created = 0);
    assert_other_id(manifest.target_build_id.bytes[1] = 1, 3, manifest.target_build_id.bytes[1] = 0);
    assert_other_id(manifest.target_build_id.size = 3, 3, manifest.target_build_id.size = 2);
    assert_other_id(payload[2] = 9, 3, payload[2] = 3);
    assert_other_id((void)0, 2, (void)0);
    /* The same characters cut in another place are other inputs. */
    strcpy(manifest.name, "a");
    strcpy(manifest.version, "bc");
    assert_done(hf_stamp_id(&manifest, payload, 3, other, ERR));
    assert_memory_not_equal(id, other, HF_ID_SIZE);
}

static void the_soname_carries_the_id(void **state)
{
    uint8_t id[HF_ID_SIZE] = {0xde, 0xad};
    char soname[HF_SONAME_MAX];

    (void)state;
    hf_stamp_soname(id, soname);
    assert_string_equal(soname, "libhotfix-patch-dead0000000000000000000000000000.so");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_could_be_paths_options_or_markup_are_refused),
        cmocka_unit_test(times_in_another_spelling_or_out_of_range_are_refused),
        cmocka_unit_test(times_go_both_ways),
        cmocka_unit_test(a_source_date_epoch_that_is_no_time_is_refused),
        cmocka_unit_test(the_time_is_source_date_epoch_or_now),
        cmocka_unit_test(an_id_depends_on_every_input_and_on_nothing_else),
        cmocka_unit_test(the_soname_carries_the_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
