/* SPDX-License-Identifier: Apache-2.0 */
/* Of two copies of a target one alone could be fixed: neither is. */
#include "apply_fixture.h"

#include <fcntl.h>
#include <gnu/libc-version.h>
#include <sys/mman.h>

static char bundle[PATH_SIZE], bundle_id[HOTFIX_ID_TEXT_SIZE];

static const char same_file[] = "and once more near 0x";

static int setup_all(void **state)
{
    setup(state);
    make_bundle(3, both, bundle, bundle_id);
    return 0;
}

static void assert_works(void)
{
    must_apply(bundle);
    assert_int_equal(price(10), 30);
    must_revert(bundle_id);
    assert_unpatched();
}

static void assert_refused(const char *text)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    assert_int_equal(hotfix_apply_opt(handle, bundle, &patient, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_NO_TARGET);
    if (!strstr(result.error.message, text))
        fail_msg("%s", result.error.message);
    hotfix_result_deinit(&result);
    assert_unpatched();
}

/* The bytes [offset, offset + size) of the target's file once more. */
static void *map_again(uint64_t offset, size_t size, int protection)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "%s/target.so", fixture.dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    void *mapped = mmap(NULL, size, protection, MAP_PRIVATE, fd, (off_t)offset);
    close(fd);
    assert_true(mapped != MAP_FAILED);
    return mapped;
}

static void a_target_in_two_namespaces_is_refused(void **state)
{
    char path[PATH_SIZE];

    (void)state;
    snprintf(path, sizeof(path), "%s/target.so", fixture.dir);
    void *copy = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
    if (!copy) /* as a static sanitizer runtime has it */
        skip();
    assert_true(dlsym(copy, "price") != dlsym(fixture.target, "price"));
    assert_refused(same_file);
    assert_int_equal(dlclose(copy), 0);
    assert_works();
}

/* As after an upgrade, or where a program copies what it loads. */
static void the_same_build_in_another_file_is_refused(void **state)
{
    char path[PATH_SIZE], command[3 * PATH_SIZE];

    (void)state;
    snprintf(path, sizeof(path), "%s/copy.so", fixture.dir);
    snprintf(command, sizeof(command), "cp %s/target.so %s", fixture.dir, path);
    assert_int_equal(system(command), 0);
    void *copy = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
    if (!copy || strverscmp(gnu_get_libc_version(), "2.35") < 0)
        skip();
    assert_refused("target target.so: the same build is in another namespace of the dynamic linker, too (dlmopen), at");
    assert_int_equal(dlclose(copy), 0);
    assert_works();
}

static void another_library_in_a_namespace_is_none(void **state)
{
    char path[PATH_SIZE];

    (void)state;
    fixture_compile(&fixture, "other.so", "", "int other(void) { return 1; }\n");
    snprintf(path, sizeof(path), "%s/other.so", fixture.dir);
    void *other = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
    if (!other)
        skip();
    assert_works();
    assert_int_equal(dlclose(other), 0);
}

static void a_mapping_that_runs_no_function_is_none(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    (void)state;
    void *data = map_again(0, 4 * page, PROT_READ);
    void *behind = map_again(64 * page, page, PROT_READ | PROT_EXEC);
    assert_works();
    munmap(data, 4 * page);
    munmap(behind, page);
}

static void another_loader_counts(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    (void)state;
    void *all = map_again(0, 4 * page, PROT_READ | PROT_EXEC);
    assert_refused(same_file);
    munmap(all, 4 * page);
    assert_works();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_in_two_namespaces_is_refused),
        cmocka_unit_test(the_same_build_in_another_file_is_refused),
        cmocka_unit_test(another_library_in_a_namespace_is_none),
        cmocka_unit_test(a_mapping_that_runs_no_function_is_none),
        cmocka_unit_test(another_loader_counts),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown);
}
