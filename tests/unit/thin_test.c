/* SPDX-License-Identifier: Apache-2.0 */
/* Thin archives, as ar(1) makes them and damaged. */
#include "compiler/thin.h"

#include <fcntl.h>

#include "program_fixture.h"

#define LONG_NAME "deep/er/a_member_with_a_name_that_is_far_too_long_for_a_header.o"

static char seen[4096];

static int note(const char *path, void *arg, struct hotfix_error *err)
{
    (void)arg;
    (void)err;
    strcat(seen, path);
    strcat(seen, "\n");
    return 0;
}

static int stop_at_once(const char *path, void *arg, struct hotfix_error *err)
{
    (void)path;
    (void)arg;
    (void)err;
    return 7;
}

static int make_archive(void **state)
{
    (void)state;
    seen[0] = '\0';
    return fixture_run("rm -rf thin other && mkdir -p thin/deep/er other && cd thin && touch a.o b.o " LONG_NAME
                       " && ar rcsT lib.a a.o b.o " LONG_NAME " && cd .. && ar rcsT other/lib.a thin/a.o");
}

static uint8_t *read_archive(const char *path, size_t *size)
{
    uint8_t *bytes = NULL;
    if (hf_file_read(path, 1 << 20, &bytes, size, &fixture_error) != 0)
        fail_msg("%s", fixture_error.message);
    return bytes;
}

static void members_are_named_from_where_the_archive_is(void **state)
{
    size_t size;
    HF_FREE uint8_t *bytes = read_archive("thin/lib.a", &size);

    (void)state;
    assert_int_equal(hf_thin_each("thin/lib.a", bytes, size, note, NULL, &fixture_error), 0);
    assert_string_equal(seen, "thin/a.o\nthin/b.o\nthin/" LONG_NAME "\n");
}

static void members_of_another_directory_are_found(void **state)
{
    size_t size;
    HF_FREE uint8_t *bytes = read_archive("other/lib.a", &size);

    (void)state;
    assert_int_equal(hf_thin_each("other/lib.a", bytes, size, note, NULL, &fixture_error), 0);
    assert_string_equal(seen, "other/../thin/a.o\n");
}

static void a_visitor_stops_the_walk(void **state)
{
    size_t size;
    HF_FREE uint8_t *bytes = read_archive("thin/lib.a", &size);

    (void)state;
    assert_int_equal(hf_thin_each("thin/lib.a", bytes, size, stop_at_once, NULL, &fixture_error), 7);
}

static void a_truncated_archive_is_refused_or_shorter_at_every_length(void **state)
{
    size_t size;
    HF_FREE uint8_t *bytes = read_archive("thin/lib.a", &size);

    (void)state;
    for (size_t length = 0; length < size; length++) {
        seen[0] = '\0';
        HF_FREE uint8_t *exact = malloc(length + 1);
        memcpy(exact, bytes, length);
        if (hf_thin_each("thin/lib.a", exact, length, note, NULL, &fixture_error) != 0)
            assert_non_null(strstr(fixture_error.message, "thin/lib.a: the archive is damaged"));
        assert_true(strlen(seen) < strlen("thin/a.o\nthin/b.o\nthin/" LONG_NAME "\n"));
    }
}

static void a_name_beyond_the_table_is_refused(void **state)
{
    size_t size;
    HF_FREE uint8_t *bytes = read_archive("thin/lib.a", &size);
    uint8_t *name = memmem(bytes, size, "/0 ", 3);

    (void)state;
    assert_non_null(name);
    memcpy(name, "/99999999", 9);
    assert_refused(hf_thin_each("thin/lib.a", bytes, size, note, NULL, &fixture_error), HOTFIX_FORMAT,
                   "thin/lib.a: the archive is damaged: a member has no name");
}

static void only_thin_archives_are_thin(void **state)
{
    (void)state;
    assert_run("ar rcs thin/full.a thin/a.o");
    HF_CLOSE int thin = open("thin/lib.a", O_RDONLY | O_CLOEXEC);
    HF_CLOSE int full = open("thin/full.a", O_RDONLY | O_CLOEXEC);
    HF_CLOSE int empty = open("thin/a.o", O_RDONLY | O_CLOEXEC);
    assert_true(hf_thin_is(thin));
    assert_false(hf_thin_is(full));
    assert_false(hf_thin_is(empty));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(members_are_named_from_where_the_archive_is, make_archive),
        cmocka_unit_test_setup(members_of_another_directory_are_found, make_archive),
        cmocka_unit_test_setup(a_visitor_stops_the_walk, make_archive),
        cmocka_unit_test_setup(a_truncated_archive_is_refused_or_shorter_at_every_length, make_archive),
        cmocka_unit_test_setup(a_name_beyond_the_table_is_refused, make_archive),
        cmocka_unit_test_setup(only_thin_archives_are_thin, make_archive),
    };
    return cmocka_run_group_tests_name("thin", tests, fixture_setup, fixture_teardown);
}
