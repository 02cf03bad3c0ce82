/* SPDX-License-Identifier: Apache-2.0 */
/* What surrounds an apply: file systems, working directories, other targets, children forked meanwhile. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "child.h"

static const char *const both[] = {"price", "tax", NULL};
static const char source[] = "#ifndef FACTOR\n"
                             "#define FACTOR 2\n"
                             "#endif\n"
                             "int price(int n) { volatile int v = n; return v * FACTOR; }\n"
                             "int tax(int n) { volatile int v = n; return v + FACTOR; }\n";

static struct scenario scenario;
static char path[PATH_SIZE];
static uint8_t *bytes;
static size_t size;
static int (*price)(int);
static int (*tax)(int);

static int setup(void **state)
{
    (void)state;
    scenario_open(&scenario, "", source);
    scenario_bundle(&scenario, both, "-DFACTOR=3", source, path);
    assert_int_equal(hf_file_read(path, HF_BUNDLE_MAX_SIZE, &bytes, &size, &fixture_error), 0);
    price = (int (*)(int))(uintptr_t)scenario_symbol(&scenario, "price");
    tax = (int (*)(int))(uintptr_t)scenario_symbol(&scenario, "tax");

    /* Once, so that what libraries load on first use is there. */
    assert_true(scenario_apply(&scenario, path));
    assert_true(scenario_revert(&scenario));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(bytes);
    scenario_close(&scenario);
    return 0;
}

/* From memory, in a process that may not see the bundle's file. */
static bool apply_from_memory(struct hotfix_error *error)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    int status = hotfix_apply_memory_opt(scenario.handle, bytes, size, &patient, &result);

    *error = result.error;
    if (status != 0)
        fprintf(stderr, "# %s\n", result.error.message);
    hotfix_result_deinit(&result);
    return status == 0;
}

/* A scenario that cannot be arranged here, for want of privileges, says so by its exit status. */
enum { CANNOT_ARRANGE = 77 };

static void run_or_skip(void (*body)(void))
{
    int status;

    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(CHILD_SECONDS);
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_ARRANGE)
        skip();
    assert_int_equal(status, 0);
}

static void arrange(bool done)
{
    if (!done)
        _exit(CANNOT_ARRANGE);
}

static void change_root(void)
{
    struct hotfix_error error;
    char empty[] = "/tmp/hotfix-test-XXXXXX";

    require(mkdtemp(empty) != NULL);
    int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool changed = chroot(empty) == 0;
    bool applied = changed && apply_from_memory(&error);
    bool unchanged = price(10) == 20 && tax(10) == 12;
    require(!changed || (fchdir(root) == 0 && chroot(".") == 0));
    require(rmdir(empty) == 0);
    arrange(changed);
    require(!applied && unchanged);
    require(strstr(error.message, "/proc") != NULL);
    require(apply_from_memory(&error) && price(10) == 30 && scenario_revert(&scenario));
}

static void chroot_without_proc_is_refused_with_no_change(void **state)
{
    (void)state;
    run_or_skip(change_root);
}

static void change_root_with_proc(void)
{
    struct hotfix_error error;
    char inside[PATH_SIZE];

    arrange(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    arrange(mount("tmpfs", "/mnt", "tmpfs", 0, NULL) == 0);
    snprintf(inside, sizeof(inside), "/mnt/proc");
    require(mkdir(inside, 0755) == 0);
    arrange(mount("/proc", inside, NULL, MS_BIND | MS_REC, NULL) == 0);
    require(chroot("/mnt") == 0 && chdir("/") == 0);
    require(apply_from_memory(&error) && price(10) == 30 && tax(10) == 13);
    require(scenario_revert(&scenario) && price(10) == 20);
}

static void chroot_with_proc_works(void **state)
{
    (void)state;
    run_or_skip(change_root_with_proc);
}

static void relative_paths_of_trust_store_and_bundle(void **state)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix *handle;
    char before[PATH_MAX];

    (void)state;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(scenario.fixture.dir), 0);
    options.trust = "trust";
    assert_int_equal(hotfix_open(&options, &handle, NULL), 0);
    int status = hotfix_apply_opt(handle, strrchr(path, '/') + 1, &patient, NULL);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(status, 0);
    assert_int_equal(price(10), 30);
    assert_int_equal(hotfix_revert_opt(handle, NULL, &patient, NULL), 0);
    hotfix_close(handle);
}

/* Every usual place for temporary files is an empty one of the child's own, and watched. */
static void watch_temporary_directories(void)
{
    static const char *const directories[] = {"/tmp", "/var/tmp", "/dev/shm", "/run"};
    struct hotfix_error error;
    char event[4096];

    arrange(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    require(watch >= 0);
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        arrange(mount("tmpfs", directories[i], "tmpfs", 0, NULL) == 0);
        require(inotify_add_watch(watch, directories[i], IN_CREATE | IN_MOVED_TO) >= 0);
    }
    require(setenv("TMPDIR", "/tmp", 1) == 0 && chdir("/tmp") == 0);
    for (int i = 0; i < 3; i++)
        require(apply_from_memory(&error) && price(10) == 30 && scenario_revert(&scenario));
    require(read(watch, event, sizeof(event)) == -1 && errno == EAGAIN);
}

static void nothing_is_written_to_temporary_directories(void **state)
{
    (void)state;
    run_or_skip(watch_temporary_directories);
}

static void two_libraries_are_patched_independently(void **state)
{
    static const char other_source[] = "#ifndef FACTOR\n"
                                       "#define FACTOR 20\n"
                                       "#endif\n"
                                       "int price(int n) { volatile int v = n; return v * FACTOR; }\n"
                                       "int tax(int n) { volatile int v = n; return v + FACTOR; }\n";
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct scenario other;
    char other_path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    scenario_open(&other, "", other_source);
    scenario_bundle(&other, both, "-DFACTOR=30", other_source, other_path);
    int (*other_price)(int) = (int (*)(int))(uintptr_t)scenario_symbol(&other, "price");
    assert_int_equal(hotfix_apply_opt(scenario.handle, path, &patient, &result), 0);
    memcpy(id, result.id, sizeof(id));
    assert_int_equal(price(10), 30);
    assert_int_equal(other_price(10), 200);
    assert_true(scenario_apply(&other, other_path));
    assert_int_equal(price(10), 30);
    assert_int_equal(other_price(10), 300);
    assert_int_equal(hotfix_revert_opt(scenario.handle, id, &patient, &result), 0);
    assert_int_equal(price(10), 20);
    assert_int_equal(other_price(10), 300);
    assert_true(scenario_revert(&other));
    assert_int_equal(other_price(10), 200);
    hotfix_result_deinit(&result);
    scenario_close(&other);
}

static atomic_bool quit;
static atomic_int children;
static atomic_int wrong_children;

/* In a child: is the code that of the list, of both functions, and can it be switched from there? */
static bool child_is_in_step(void)
{
    struct hotfix_applied *list;
    size_t count;

    if (hotfix_list(scenario.handle, &list, &count, NULL) != 0 || count > 1)
        return false;
    free(list);
    if (price(10) != (count ? 30 : 20) || tax(10) != (count ? 13 : 12))
        return false;
    if (count)
        return scenario_revert(&scenario) && price(10) == 20 && tax(10) == 12;
    return scenario_apply(&scenario, path) && price(10) == 30 && tax(10) == 13;
}

static void *keep_forking(void *arg)
{
    while (!atomic_load(&quit)) {
        int status = 0;
        pid_t child = fork();
        if (child == 0)
            _exit(child_is_in_step() ? 0 : 1);
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            atomic_fetch_add(&wrong_children, 1);
        atomic_fetch_add(&children, 1);
    }
    return arg;
}

/* A sanitizer's allocator stays locked in a child when another thread was in it. */
static void children_forked_during_applies_are_in_step(void **state)
{
    pthread_t thread;

    (void)state;
    if (SANITIZED)
        skip();
    assert_int_equal(pthread_create(&thread, NULL, keep_forking, NULL), 0);
    for (int i = 0; i < 50 || atomic_load(&children) < 50; i++) {
        assert_true(scenario_apply(&scenario, path));
        assert_int_equal(price(10), 30);
        assert_true(scenario_revert(&scenario));
        assert_int_equal(price(10), 20);
    }
    atomic_store(&quit, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(atomic_load(&wrong_children), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chroot_without_proc_is_refused_with_no_change),
        cmocka_unit_test(chroot_with_proc_works),
        cmocka_unit_test(relative_paths_of_trust_store_and_bundle),
        cmocka_unit_test(nothing_is_written_to_temporary_directories),
        cmocka_unit_test(two_libraries_are_patched_independently),
        cmocka_unit_test(children_forked_during_applies_are_in_step),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
