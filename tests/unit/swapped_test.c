/* SPDX-License-Identifier: Apache-2.0 */
/* What the dynamic linker is given is the file that was written, however late another one takes its path. */
#include "apply_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "sanitized.h"

/* What happens to a path right before it is looked at for the last time. */
static enum { NOTHING, ANOTHER_FILE, ANOTHER_DEVICE } event;
static unsigned happened;

#if !SANITIZED
/* In the place of the C library's, for everything in this program. */
int stat(const char *path, struct stat *status)
{
    const char *name = strrchr(path, '/');
    bool patch = strstr(path, "libhotfix-patch-") || (strncmp(path, "/proc/", 6) == 0 && strstr(path, "/fd"));

    if (patch && event == ANOTHER_FILE) {
        int other = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        if (path[1] == 'p')
            dup3(other, atoi(name + 1), O_CLOEXEC);
        else if (unlink(path) == 0)
            close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        close(other);
    }
    int result = fstatat(AT_FDCWD, path, status, 0);
    if (patch && event == ANOTHER_DEVICE)
        status->st_dev ^= 1;
    happened += patch && event != NOTHING;
    return result;
}
#endif

static void refuse(struct hotfix *with, const char *path)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    happened = 0;
    assert_int_equal(hotfix_apply_opt(with, path, &patient, &result), -1);
    if (!strstr(result.error.message, "is another file than the patch that was written"))
        fail_msg("%s", result.error.message);
    assert_int_equal(result.error.code, HOTFIX_STAGE);
    assert_true(happened > 0);
    assert_int_equal(price(10), 20);
    hotfix_result_deinit(&result);
}

static void refuse_each(struct hotfix *with)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    make_bundle(5, both, path, id);
    event = ANOTHER_FILE;
    refuse(with, path);
    event = ANOTHER_DEVICE;
    refuse(with, path);
    event = NOTHING;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    if (hotfix_apply_opt(with, path, &patient, &result) != 0)
        fail_msg("%s", result.error.message);
    hotfix_result_deinit(&result);
    assert_int_equal(price(10), 50);
    must_revert(id);
}

static void another_file_under_the_descriptors_number_is_not_loaded(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    refuse_each(handle);
}

static void another_file_under_the_staged_name_is_not_loaded(void **state)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    char directory[PATH_SIZE];
    struct hotfix *staged;

    (void)state;
    if (SANITIZED)
        skip();
    snprintf(directory, sizeof(directory), "%s/staging", fixture.dir);
    assert_int_equal(mkdir(directory, 0755), 0);
    options.trust = fixture.trust;
    options.staging = directory;
    if (hotfix_open(&options, &staged, &fixture_error) != 0)
        fail_msg("%s", fixture_error.message);
    refuse_each(staged);
    hotfix_close(staged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_file_under_the_descriptors_number_is_not_loaded),
        cmocka_unit_test(another_file_under_the_staged_name_is_not_loaded),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
