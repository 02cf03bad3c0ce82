/* SPDX-License-Identifier: Apache-2.0 */
/* Files that were found, and not named, count when nobody else could have put them there. */
#include "elf/beside.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "program_fixture.h"

enum { STRANGER = 12345, AUTHOR = 23456 };

static bool believed(const char *image_path, const char *path)
{
    HF_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    HF_CLOSE int image_fd = open(image_path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0 && image_fd >= 0);
    return hf_beside_believed(&(struct hf_image){.fd = image_fd}, fd);
}

static void what_everybody_may_write_is_not_believed(void **state)
{
    (void)state;
    assert_run("touch image found && chmod 644 image found");
    assert_true(believed("image", "found"));
    assert_run("chmod 664 found");
    assert_true(believed("image", "found"));
    assert_run("chmod 646 found");
    assert_false(believed("image", "found"));
}

static void what_is_installed_is_believed(void **state)
{
    (void)state;
    assert_run("touch image");
    assert_true(believed("image", "/bin/sh"));
}

static void what_is_another_users_is_not_believed(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_run("touch image found && chmod 644 image found && chown %d found", STRANGER);
    assert_false(believed("image", "found"));
    assert_run("chown %d image", AUTHOR);
    assert_false(believed("image", "found"));
    assert_run("chown %d found", AUTHOR);
    assert_true(believed("image", "found"));
}

static void what_cannot_be_looked_at_is_not_believed(void **state)
{
    HF_CLOSE int fd = open("/bin/sh", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_false(hf_beside_believed(&(struct hf_image){.fd = -1}, fd));
    assert_false(hf_beside_believed(&(struct hf_image){.fd = fd}, -1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_everybody_may_write_is_not_believed),
        cmocka_unit_test(what_is_installed_is_believed),
        cmocka_unit_test(what_is_another_users_is_not_believed),
        cmocka_unit_test(what_cannot_be_looked_at_is_not_believed),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
