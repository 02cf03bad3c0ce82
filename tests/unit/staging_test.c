/* SPDX-License-Identifier: Apache-2.0 */
/* Patches that are staged into a directory. */
#include "apply_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "child.h"
#include "emulated.h"

static char directory[PATH_SIZE];
static struct hotfix *staged;

static int open_staged(const char *path, struct hotfix **opened)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;

    options.trust = fixture.trust;
    options.staging = path;
    return hotfix_open(&options, opened, &fixture_error);
}

static int setup_staged(void **state)
{
    setup(state);
    snprintf(directory, sizeof(directory), "%s/staging", fixture.dir);
    assert_int_equal(mkdir(directory, 0755), 0);
    if (open_staged(directory, &staged) != 0)
        fail_msg("%s", fixture_error.message);
    return 0;
}

static int teardown_staged(void **state)
{
    hotfix_close(staged);
    return teardown(state);
}

static size_t file_count(void)
{
    DIR *dir = opendir(directory);
    size_t count = 0;

    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* How many files of the patch, that are not deleted, are mapped for execution. */
static size_t mapped_count(const char *id)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[2 * PATH_SIZE], begin[PATH_SIZE + 64];
    size_t count = 0;

    assert_non_null(maps);
    snprintf(begin, sizeof(begin), " %s/libhotfix-patch-%s.", directory, id);
    while (fgets(line, sizeof(line), maps))
        count += strstr(line, " r-xp ") && strstr(line, begin) && strstr(line, ".so\n");
    fclose(maps);
    return count;
}

/* The path of the patch's file where the name is free. */
static void file_path(const char *id, char path[PATH_SIZE])
{
    int length = snprintf(path, PATH_SIZE, "%s/libhotfix-patch-%s.so", directory, id);
    assert_in_range(length, 1, PATH_SIZE - 1);
}

static void assert_message(const struct hotfix_error *error, enum hotfix_code code, const char *a, const char *b)
{
    if (error->code != code || !strstr(error->message, a) || !strstr(error->message, b))
        fail_msg("expected code %d, '%s' and '%s', got code %d and '%s'", (int)code, a, b, (int)error->code,
                 error->message);
}

static void assert_open_refused(const char *path, const char *name, const char *why)
{
    struct hotfix *opened;

    assert_int_equal(open_staged(path, &opened), -1);
    assert_message(&fixture_error, HOTFIX_STAGE, name, why);
}

static void must_apply_staged(const char *path)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    if (hotfix_apply_opt(staged, path, &patient, &result) != 0)
        fail_msg("%s", result.error.message);
    hotfix_result_deinit(&result);
}

static void assert_apply_refused(struct hotfix *with, const char *path, const char *a, const char *b)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    assert_int_equal(hotfix_apply_opt(with, path, &patient, &result), -1);
    assert_message(&result.error, HOTFIX_STAGE, a, b);
    hotfix_result_deinit(&result);
    assert_unpatched();
}

static void directory_that_is_not_there_is_refused(void **state)
{
    char path[PATH_SIZE];

    (void)state;
    snprintf(path, sizeof(path), "%s/nowhere", fixture.dir);
    assert_open_refused(path, path, "cannot be found");
    snprintf(path, sizeof(path), "%s/file", fixture.dir);
    fixture_write(path, "");
    assert_open_refused(path, path, "cannot open it: Not a directory");
}

static void directory_that_others_can_write_to_is_refused(void **state)
{
    char path[PATH_SIZE];

    (void)state;
    snprintf(path, sizeof(path), "%s/open", fixture.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, 0770), 0);
    assert_open_refused(path, path, "may be written by other users (mode 0770)");
    assert_int_equal(chmod(path, 0707), 0);
    assert_open_refused(path, path, "may be written by other users (mode 0707)");
    assert_int_equal(chmod(path, 01777), 0);
    assert_open_refused(path, path, "may be written by other users (mode 1777)");
}

static void directory_that_others_can_replace_is_refused(void **state)
{
    char above[PATH_SIZE], path[PATH_SIZE + 8], link[PATH_SIZE + 8];
    struct hotfix *opened;

    (void)state;
    snprintf(above, sizeof(above), "%s/above", fixture.dir);
    snprintf(path, sizeof(path), "%s/below", above);
    assert_int_equal(mkdir(above, 0700), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(above, 0777), 0);
    assert_open_refused(path, above, "may be written by other users (mode 0777)");
    snprintf(link, sizeof(link), "%s/link", above);
    assert_int_equal(symlink("/tmp", link), 0);
    assert_open_refused(link, above, "may be written by other users (mode 0777)");
    assert_int_equal(chmod(above, 01777), 0);
    assert_int_equal(open_staged(path, &opened), 0);
    hotfix_close(opened);
}

static void directory_of_another_user_is_refused(void **state)
{
    char path[PATH_SIZE];

    (void)state;
    if (geteuid() != 0)
        skip();
    snprintf(path, sizeof(path), "%s/foreign", fixture.dir);
    assert_int_equal(mkdir(path, 0755), 0);
    if (chown(path, 12345, 0) != 0) /* a user namespace without other users */
        skip();
    assert_open_refused(path, path, "belongs to user 12345");
}

static void directory_is_checked_again_by_each_apply(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    make_bundle(5, both, path, id);
    assert_int_equal(chmod(directory, 0777), 0);
    assert_apply_refused(staged, path, directory, "may be written by other users (mode 0777)");
    assert_int_equal(chmod(directory, 0755), 0);
    assert_int_equal(file_count(), 0);
}

static void patch_that_is_refused_leaves_no_file(void **state)
{
    static const char stray[] = "extern int nowhere(int n); int price(int n) { return nowhere(n); }\n";
    struct material material;
    char path[PATH_SIZE];

    (void)state;
    fixture_bundle(&fixture, next_number++, price_only, stray, path);
    assert_apply_refused(staged, path, "the dynamic linker refuses the patch", "nowhere");
    assert_int_equal(file_count(), 0);

    material_make(&material, with_factor(5, ""), 250); /* another bundle's stamp */
    material_pack(&material, path);
    assert_apply_refused(staged, path, "does not carry the stamp", "");
    assert_int_equal(file_count(), 0);
}

static void patch_whose_hook_refuses_leaves_no_file(void **state)
{
    char path[PATH_SIZE];
    struct hf_manifest manifest;
    uint8_t *payload, *bundle;
    size_t size;
    unsigned number = next_number++;

    (void)state;
    fixture_patch(&fixture, number, "refusing.so", "", with_factor(5, "int hotfix_on_apply(void) { return 3; }\n"));
    fixture_manifest(&fixture, number, "refusing.so", both, &manifest, &payload);
    fixture_sign(&manifest, payload, fixture.key, &bundle, &size);
    fixture_write_bundle(&fixture, "refusing", bundle, size, path);
    free(bundle);
    free(payload);
    hf_manifest_deinit(&manifest);
    assert_apply_refused(staged, path, "hotfix_on_apply of the patch refused with 3", "");
    assert_int_equal(file_count(), 0);
}

static char child_path[PATH_SIZE];

static void apply_on_a_full_disk(void)
{
    struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    signal(SIGXFSZ, SIG_IGN);
    require(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    require(hotfix_apply_opt(staged, child_path, &patient, &result) != 0);
    require(result.error.code == HOTFIX_STAGE);
    require(strstr(result.error.message, "may write files of 64 at most (RLIMIT_FSIZE)"));
}

static void patch_that_cannot_be_written_leaves_no_file(void **state)
{
    char id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    make_bundle(5, both, child_path, id);
    child_run(apply_on_a_full_disk);
    assert_int_equal(file_count(), 0);
}

/* From now on a system call fails with EACCES when its argument of that number has all these bits. */
static void forbid(unsigned number, unsigned argument, unsigned bits)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, args) + 8 * argument),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, bits, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

    require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void apply_without_memfds(void)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    forbid(SYS_memfd_create, 0, 0);
    require(hotfix_apply_opt(handle, child_path, &patient, &result) != 0);
    require(result.error.code == HOTFIX_STAGE);
    require(strstr(result.error.message, "give a staging directory"));
    require(price(10) == 20);
    require(hotfix_apply_opt(staged, child_path, &patient, &result) == 0);
    require(price(10) == 50);
}

static void clear_directory(void)
{
    char command[PATH_SIZE + 16];

    snprintf(command, sizeof(command), "rm -f '%s'/*", directory);
    assert_int_equal(system(command), 0);
}

static void without_memfds_the_error_asks_for_a_directory_which_helps(void **state)
{
    char id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    if (emulator_lacks("no seccomp filter runs"))
        skip();
    make_bundle(5, both, child_path, id);
    child_run(apply_without_memfds);
    assert_int_equal(file_count(), 1); /* a process that has ended leaves it */
    clear_directory();
}

static void apply_without_executable_files(void)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    forbid(SYS_mmap, 2, PROT_EXEC);
    require(hotfix_apply_opt(handle, child_path, &patient, &result) != 0);
    require(strstr(result.error.message, "code may not be mapped from a memfd: give a staging directory"));
    require(hotfix_apply_opt(staged, child_path, &patient, &result) != 0);
    require(strstr(result.error.message, "code may not be mapped from files of the staging directory"));
    require(price(10) == 20);
}

static void file_that_may_not_be_executed_is_told_and_removed(void **state)
{
    char id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    if (emulator_lacks("no seccomp filter runs"))
        skip();
    make_bundle(5, both, child_path, id);
    child_run(apply_without_executable_files);
    assert_int_equal(file_count(), 0);
}

static void options_of_the_first_version_are_accepted(void **state)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix *opened;

    (void)state;
    options.size = offsetof(struct hotfix_options, staging);
    options.trust = fixture.trust;
    options.staging = "/nowhere"; /* behind their end */
    assert_int_equal(hotfix_open(&options, &opened, &fixture_error), 0);
    hotfix_close(opened);
    options.size--;
    assert_int_equal(hotfix_open(&options, &opened, &fixture_error), -1);
    assert_int_equal(fixture_error.code, HOTFIX_USAGE);
}

/* A later version asked for something: nobody may ignore that. What is zero asks for nothing. */
static void options_of_a_later_version_are_refused_when_they_are_used(void **state)
{
    struct {
        struct hotfix_options known;
        uint64_t later[2];
    } options = {.known = HOTFIX_OPTIONS_INIT};
    struct hotfix *opened;

    (void)state;
    options.known.size = sizeof(options);
    options.known.trust = fixture.trust;
    assert_int_equal(hotfix_open(&options.known, &opened, &fixture_error), 0);
    hotfix_close(opened);
    options.later[1] = UINT64_C(1) << 63;
    assert_int_equal(hotfix_open(&options.known, &opened, &fixture_error), -1);
    assert_int_equal(fixture_error.code, HOTFIX_USAGE);
    assert_non_null(strstr(fixture_error.message, "use a newer one"));
    options.known.size = SIZE_MAX;
    assert_int_equal(hotfix_open(&options.known, &opened, &fixture_error), -1);
    assert_non_null(strstr(fixture_error.message, "not initialised"));
}

static void patch_is_mapped_from_a_file_of_its_own_name(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE], file[PATH_SIZE];
    struct stat status;

    (void)state;
    make_bundle(5, both, path, id);
    must_apply_staged(path);
    assert_int_equal(price(10), 50);
    file_path(id, file);
    assert_int_equal(lstat(file, &status), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0400);
    assert_int_equal(status.st_uid, geteuid());
    assert_int_equal(mapped_count(id), 1);
    must_revert(id);
    assert_unpatched();
    assert_int_equal(mapped_count(id), 1);
    clear_directory();
}

static void debugger_finds_the_symbols_in_the_file(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE], file[PATH_SIZE];
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct link_map *map;
    Dl_info info;

    (void)state;
    make_bundle(5, price_only, path, id);
    if (hotfix_apply_opt(staged, path, &patient, &result) != 0)
        fail_msg("%s", result.error.message);
    file_path(id, file);
    assert_int_not_equal(dladdr1(result.functions[0].new_address, &info, (void **)&map, RTLD_DL_LINKMAP), 0);
    assert_string_equal(map->l_name, file);
    assert_string_equal(info.dli_fname, file);
    assert_string_equal(info.dli_sname, "price");
    hotfix_result_deinit(&result);
    must_revert(id);
    clear_directory();
}

static void patch_that_is_applied_again_gets_a_file_of_its_own(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    make_bundle(5, both, path, id);
    must_apply_staged(path);
    must_revert(id);
    must_apply_staged(path);
    assert_int_equal(file_count(), 2);
    assert_int_equal(mapped_count(id), 2);
    must_revert(id);

    /* Also where somebody has deleted the files of those that are still mapped. */
    clear_directory();
    must_apply_staged(path);
    assert_int_equal(price(10), 50);
    assert_int_equal(file_count(), 1);
    assert_int_equal(mapped_count(id), 1);
    must_revert(id);
    clear_directory();
}

static void link_under_the_files_name_is_not_followed(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE], file[PATH_SIZE], victim[PATH_SIZE];

    (void)state;
    make_bundle(5, both, path, id);
    file_path(id, file);
    snprintf(victim, sizeof(victim), "%s/victim", fixture.dir);
    assert_int_equal(symlink(victim, file), 0);
    must_apply_staged(path);
    assert_int_equal(access(victim, F_OK), -1);
    assert_int_equal(file_count(), 2);
    assert_int_equal(mapped_count(id), 1);
    must_revert(id);
    clear_directory();
}

/* What earlier calls left where later frames will lie would count as theirs. */
static __attribute__((noinline)) void wipe_stack(void)
{
    uint8_t below[32768];

    explicit_bzero(below, sizeof(below));
}

static __attribute__((noinline)) void revert_and_unload(const char *id)
{
    struct hotfix_apply_options options = patient;
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    options.unload = HOTFIX_UNLOAD;
    if (hotfix_revert_opt(staged, id, &options, &result) != 0)
        fail_msg("%s", result.error.message);
    if (!strstr(result.log, "is unloaded"))
        fail_msg("%s", result.log);
    hotfix_result_deinit(&result);
}

static void unload(const char *id)
{
    wipe_stack();
    revert_and_unload(id);
}

static void unloaded_patch_has_no_file(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    if (SANITIZED)
        skip();
    make_bundle(5, both, path, id);
    must_apply_staged(path);
    assert_int_equal(file_count(), 1);
    unload(id);
    assert_int_equal(file_count(), 0);
    assert_unpatched();
}

static void unload_in_a_child(void)
{
    struct hotfix_applied *list;
    size_t count;

    require(hotfix_list(staged, &list, &count, NULL) == 0 && count == 1);
    unload(list[0].id);
    free(list);
}

static void child_that_unloads_leaves_its_parents_file(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    if (SANITIZED)
        skip();
    /* One that stays lies where the one before was unloaded: what points there by chance would keep the next one. */
    make_bundle(4, both, path, id);
    must_apply_staged(path);
    must_revert(id);
    clear_directory();
    make_bundle(5, both, path, id);
    must_apply_staged(path);
    child_run(unload_in_a_child);
    assert_int_equal(file_count(), 1);
    unload(id);
    assert_int_equal(file_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directory_that_is_not_there_is_refused),
        cmocka_unit_test(directory_that_others_can_write_to_is_refused),
        cmocka_unit_test(directory_that_others_can_replace_is_refused),
        cmocka_unit_test(directory_of_another_user_is_refused),
        cmocka_unit_test(directory_is_checked_again_by_each_apply),
        cmocka_unit_test(patch_that_is_refused_leaves_no_file),
        cmocka_unit_test(patch_whose_hook_refuses_leaves_no_file),
        cmocka_unit_test(patch_that_cannot_be_written_leaves_no_file),
        cmocka_unit_test(without_memfds_the_error_asks_for_a_directory_which_helps),
        cmocka_unit_test(file_that_may_not_be_executed_is_told_and_removed),
        cmocka_unit_test(options_of_the_first_version_are_accepted),
        cmocka_unit_test(options_of_a_later_version_are_refused_when_they_are_used),
        cmocka_unit_test(patch_is_mapped_from_a_file_of_its_own_name),
        cmocka_unit_test(debugger_finds_the_symbols_in_the_file),
        cmocka_unit_test(patch_that_is_applied_again_gets_a_file_of_its_own),
        cmocka_unit_test(link_under_the_files_name_is_not_followed),
        cmocka_unit_test(unloaded_patch_has_no_file),
        cmocka_unit_test(child_that_unloads_leaves_its_parents_file),
    };
    return cmocka_run_group_tests(tests, setup_staged, teardown_staged);
}
