/* SPDX-License-Identifier: Apache-2.0 */
/* Paths that others have a say in lead nowhere; all others lead where realpath() says. */
#include "safepath.h"

#include <errno.h>
#include <limits.h>

#include "cleanup.h"
#include "manifest_fixture.h"

#define WHAT "trust store"

static int resolve(const char *path, char **resolved)
{
    return hf_safe_path(WHAT, path, HOTFIX_TRUST, resolved, ERR);
}

static void lead_home(const char *path)
{
    char *resolved = NULL, *real = realpath(path, NULL);

    assert_non_null(real);
    assert_done(resolve(path, &resolved));
    assert_string_equal(resolved, real);
    free(resolved);
    free(real);
}

static void refuse(const char *path, enum hotfix_code code, const char *reason)
{
    char untouched, *resolved = &untouched;

    assert_refused(resolve(path, &resolved), code, reason);
    assert_ptr_equal(resolved, &untouched);
}

static void make(const char *directory, mode_t mode)
{
    assert_int_equal(mkdir(fixture_path(directory), 0700), 0);
    assert_int_equal(chmod(fixture_path(directory), mode), 0);
}

static void tie(const char *target, const char *link)
{
    assert_int_equal(symlink(target, fixture_path(link)), 0);
}

static int make_tree(void **state)
{
    fixture_enter(state);
    make("real", 0755);
    make("real/store", 0755);
    make("open", 0777);
    make("sticky", 01777);
    fixture_write(fixture_path("real/key.pub"), "key", 3, 0644);
    tie("real", "alias");
    tie("../alias/./store/..//store/", "real/again");
    tie("loop", "loop");
    tie("../real/store", "open/link");
    tie("../real/store", "sticky/link");
    tie("open/link", "through");
    char whole[PATH_MAX];
    snprintf(whole, sizeof(whole), "%s", fixture_path("alias"));
    tie(whole, "whole");
    return 0;
}

static void safe_paths_lead_where_they_lead(void **state)
{
    static const char *const paths[] = {
        "real",    "real/store", "real/store/",   "alias",        "alias/store",     "real/again",  "whole/again",
        "real/..", "alias/..",   "alias/../real", "whole//store", "real/./store/..", "sticky/link", "real/key.pub",
    };

    (void)state;
    lead_home("/");
    lead_home("/..");
    lead_home("//tmp/../../tmp/.");
    lead_home(".");
    lead_home("..");
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        lead_home(fixture_path(paths[i]));
}

static void relative_paths_begin_in_the_working_directory(void **state)
{
    HF_FREE char *before = getcwd(NULL, 0);

    (void)state;
    assert_int_equal(chdir(fixture_path("real")), 0);
    lead_home("store");
    lead_home("again");
    lead_home("../alias/store/.");
    assert_int_equal(chdir(fixture_path("open")), 0);
    refuse("link", HOTFIX_TRUST, "open: may be written by other users");
    assert_int_equal(chdir(before), 0);
}

/* Whether the link leads to somebody else's store or to a good one: who can change it chooses. */
static void links_that_others_can_change_are_refused(void **state)
{
    (void)state;
    refuse(fixture_path("open/link"), HOTFIX_TRUST, "open: may be written by other users");
    refuse(fixture_path("through"), HOTFIX_TRUST, "open: may be written by other users");
    refuse(fixture_path("open/../real/store"), HOTFIX_TRUST, "open: may be written by other users");
    refuse(fixture_path("open/none"), HOTFIX_TRUST, "open: may be written by other users");
    lead_home(fixture_path("open"));
    assert_int_equal(chmod(fixture_path("open"), 0755), 0);
    lead_home(fixture_path("open/link"));
    lead_home(fixture_path("through"));
    assert_int_equal(chmod(fixture_path("open"), 0777), 0);
}

static void links_of_others_are_refused(void **state)
{
    (void)state;
    tie("../real/store", "sticky/theirs");
    /* A namespace may know of no other user. */
    if (geteuid() != 0 || lchown(fixture_path("sticky/theirs"), 1, 1) != 0)
        skip();
    refuse(fixture_path("sticky/theirs"), HOTFIX_TRUST, "theirs: belongs to user 1");
    tie("sticky/theirs", "indirect");
    refuse(fixture_path("indirect"), HOTFIX_TRUST, "theirs: belongs to user 1");
    assert_int_equal(chown(fixture_path("open"), 1, 1), 0);
    assert_int_equal(chmod(fixture_path("open"), 0755), 0);
    refuse(fixture_path("open/link"), HOTFIX_TRUST, "open: belongs to user 1");
    assert_int_equal(chown(fixture_path("open"), 0, 0), 0);
    assert_int_equal(chmod(fixture_path("open"), 0777), 0);
}

static void paths_that_lead_nowhere_are_refused(void **state)
{
    char *path = malloc(2 * PATH_MAX);

    (void)state;
    refuse("", HOTFIX_IO, "cannot be found: No such file");
    refuse(fixture_path("none"), HOTFIX_IO, "none: cannot be found: No such file");
    refuse(fixture_path("none/store"), HOTFIX_IO, "cannot be found: No such file");
    refuse(fixture_path("real/key.pub/store"), HOTFIX_IO, "cannot be found: Not a directory");
    refuse(fixture_path("loop"), HOTFIX_IO, "cannot be found: Too many levels");
    for (int length = PATH_MAX - 2; length <= PATH_MAX + 1; length++) {
        memset(path, '/', 2 * PATH_MAX);
        path[length] = '\0';
        char *resolved = NULL;
        if (resolve(path, &resolved) == 0)
            assert_string_equal(resolved, "/");
        else
            assert_int_equal(ERR->sys_errno, ENAMETOOLONG);
        free(resolved);
    }
    /* Cut, it would lead elsewhere. */
    memset(path, '/', PATH_MAX);
    strcpy(path + PATH_MAX, "none");
    refuse(path, HOTFIX_IO, WHAT);
    assert_int_equal(ERR->sys_errno, ENAMETOOLONG);
    memset(path, 'x', 2 * PATH_MAX);
    path[2 * PATH_MAX - 1] = '\0';
    refuse(path, HOTFIX_IO, WHAT);
    assert_int_equal(ERR->sys_errno, ENAMETOOLONG);
    free(path);
}

/* Each is shorter than the longest path, and both together are not. */
static void links_that_make_a_path_too_long_are_refused(void **state)
{
    char *path = malloc(2 * PATH_MAX), *target = malloc(PATH_MAX);

    (void)state;
    snprintf(path, 2 * PATH_MAX, "%s", fixture_path("long"));
    memset(target, '/', PATH_MAX);
    target[PATH_MAX - 2] = '\0';
    assert_int_equal(symlink(target, path), 0);
    lead_home(path);
    strcat(path, "/tmp");
    refuse(path, HOTFIX_IO, "cannot be found: File name too long");
    free(path);
    free(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(safe_paths_lead_where_they_lead),
        cmocka_unit_test(relative_paths_begin_in_the_working_directory),
        cmocka_unit_test(links_that_others_can_change_are_refused),
        cmocka_unit_test(links_of_others_are_refused),
        cmocka_unit_test(paths_that_lead_nowhere_are_refused),
        cmocka_unit_test(links_that_make_a_path_too_long_are_refused),
    };
    return cmocka_run_group_tests(tests, make_tree, fixture_leave);
}
