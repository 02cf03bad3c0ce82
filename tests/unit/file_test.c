/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <errno.h>

#include "manifest_fixture.h"

static uint8_t *data;
static size_t size;

static void what_is_not_a_regular_file_is_refused_without_waiting(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(fixture_path("fifo"), 0600), 0);
    assert_refused(hf_file_read(fixture_path("fifo"), 100, &data, &size, ERR), HOTFIX_IO, "is not a regular file");
    assert_refused(hf_file_read(fixture_directory, 100, &data, &size, ERR), HOTFIX_IO, "is not a regular file");
    assert_refused(hf_file_read("/dev/zero", 100, &data, &size, ERR), HOTFIX_IO, "is not a regular file");
    assert_int_equal(symlink("fifo", fixture_path("link-to-fifo")), 0);
    assert_refused(hf_file_read(fixture_path("link-to-fifo"), 100, &data, &size, ERR), HOTFIX_IO,
                   "is not a regular file");
}

static void a_missing_file_is_named_with_its_errno(void **state)
{
    (void)state;
    assert_refused(hf_file_read(fixture_path("missing"), 100, &data, &size, ERR), HOTFIX_IO,
                   "missing: cannot be opened: No such file or directory");
    assert_int_equal(ERR->sys_errno, ENOENT);
}

static void a_file_above_the_limit_is_refused(void **state)
{
    (void)state;
    fixture_write(fixture_path("big"), "0123456789", 10, 0600);
    assert_refused(hf_file_read(fixture_path("big"), 9, &data, &size, ERR), HOTFIX_FORMAT, "10 bytes, more than the 9");
    assert_done(hf_file_read(fixture_path("big"), 10, &data, &size, ERR));
    free(data);
}

/* Its size alone is looked at: eight gibibytes that take no room on the disk are not read. */
static void a_huge_file_of_holes_is_refused_unread(void **state)
{
    (void)state;
    fixture_write(fixture_path("holes"), "", 0, 0600);
    assert_int_equal(truncate(fixture_path("holes"), (off_t)8 << 30), 0);
    assert_refused(hf_file_read(fixture_path("holes"), 1 << 20, &data, &size, ERR), HOTFIX_FORMAT,
                   "8589934592 bytes, more than the 1048576");
}

/* Files of /proc say that they are empty and are not; those of /sys say that they fill a page and do not. */
static void a_file_of_another_length_than_it_says_is_refused(void **state)
{
    (void)state;
    assert_refused(hf_file_read("/proc/self/status", 100000, &data, &size, ERR), HOTFIX_IO, "grew while it was read");
    if (access("/sys/kernel/uevent_seqnum", R_OK) == 0)
        assert_refused(hf_file_read("/sys/kernel/uevent_seqnum", 100000, &data, &size, ERR), HOTFIX_IO,
                       "became shorter while it was read");
}

static void reading_gives_all_bytes_and_a_nul(void **state)
{
    struct stat status;

    (void)state;
    fixture_write(fixture_path("file"), "a\0b", 3, 0640);
    assert_int_equal(symlink("file", fixture_path("link")), 0);
    assert_done(hf_file_read_status(fixture_path("link"), 100, &data, &size, &status, ERR));
    assert_int_equal(size, 3);
    assert_memory_equal(data, "a\0b", 4);
    assert_int_equal(status.st_mode & 07777, 0640);
    free(data);
    fixture_write(fixture_path("empty"), "", 0, 0600);
    assert_done(hf_file_read(fixture_path("empty"), 0, &data, &size, ERR));
    assert_int_equal(size, 0);
    assert_int_equal(data[0], 0);
    free(data);
}

static void an_exclusive_write_leaves_what_exists(void **state)
{
    (void)state;
    fixture_write(fixture_path("kept"), "old", 3, 0600);
    size_t before = fixture_count(fixture_directory);
    assert_refused(hf_file_write(fixture_path("kept"), "new", 3, 0600, true, ERR), HOTFIX_IO, "File exists");
    assert_int_equal(ERR->sys_errno, EEXIST);
    assert_done(hf_file_read(fixture_path("kept"), 100, &data, &size, ERR));
    assert_string_equal(data, "old");
    free(data);
    assert_int_equal(fixture_count(fixture_directory), before);
}

static void a_failed_write_leaves_nothing_behind(void **state)
{
    (void)state;
    size_t before = fixture_count(fixture_directory);
    assert_refused(hf_file_write(fixture_path("none/file"), "x", 1, 0600, false, ERR), HOTFIX_IO,
                   "none/file: cannot be written");
    assert_refused(hf_file_write(fixture_directory, "x", 1, 0600, false, ERR), HOTFIX_IO, "is not a regular file");
    assert_int_equal(fixture_count(fixture_directory), before);
}

static void what_is_not_a_regular_file_is_never_replaced(void **state)
{
    struct stat status;

    (void)state;
    assert_int_equal(mkfifo(fixture_path("device"), 0600), 0);
    assert_int_equal(symlink("device", fixture_path("link-to-device")), 0);
    assert_refused(hf_file_write(fixture_path("device"), "x", 1, 0600, false, ERR), HOTFIX_IO, "is not a regular file");
    assert_refused(hf_file_write(fixture_path("link-to-device"), "x", 1, 0600, false, ERR), HOTFIX_IO,
                   "is not a regular file");
    assert_int_equal(lstat(fixture_path("device"), &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
}

static unsigned mode_of(const char *name)
{
    struct stat status;

    assert_int_equal(stat(fixture_path(name), &status), 0);
    return status.st_mode & 07777;
}

static void a_file_is_no_more_open_than_umask_and_what_was_there_allow(void **state)
{
    (void)state;
    mode_t old = umask(027);
    assert_done(hf_file_write(fixture_path("fresh"), "", 0, 0644, true, ERR));
    assert_int_equal(mode_of("fresh"), 0640);
    umask(077);
    assert_done(hf_file_write(fixture_path("closed"), "", 0, 0644, false, ERR));
    assert_int_equal(mode_of("closed"), 0600);
    fixture_write(fixture_path("out"), "longer than the new one", 23, 0600);
    assert_done(hf_file_write(fixture_path("out"), "new", 3, 0644, false, ERR));
    assert_int_equal(mode_of("out"), 0600);
    assert_done(hf_file_read(fixture_path("out"), 100, &data, &size, ERR));
    assert_string_equal(data, "new");
    free(data);
    /* What was open stays so, as far as it was meant to be. */
    assert_int_equal(chmod(fixture_path("out"), 0666), 0);
    assert_done(hf_file_write(fixture_path("out"), "new", 3, 0644, false, ERR));
    assert_int_equal(mode_of("out"), 0644);
    umask(old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_a_regular_file_is_refused_without_waiting),
        cmocka_unit_test(a_missing_file_is_named_with_its_errno),
        cmocka_unit_test(a_file_above_the_limit_is_refused),
        cmocka_unit_test(a_huge_file_of_holes_is_refused_unread),
        cmocka_unit_test(a_file_of_another_length_than_it_says_is_refused),
        cmocka_unit_test(reading_gives_all_bytes_and_a_nul),
        cmocka_unit_test(an_exclusive_write_leaves_what_exists),
        cmocka_unit_test(a_failed_write_leaves_nothing_behind),
        cmocka_unit_test(what_is_not_a_regular_file_is_never_replaced),
        cmocka_unit_test(a_file_is_no_more_open_than_umask_and_what_was_there_allow),
    };
    return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
