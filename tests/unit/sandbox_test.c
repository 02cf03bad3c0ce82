/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that were forbidden something: a bundle is applied and reverted all the same, or one sentence names what
 * forbids it, and the process is as it was.
 */
#include "apply_fixture.h"
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "emulated.h"
#include "process/code.h"
#include "process/proc.h"
#include "stage/place.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE              65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

#define CHECK_PROCESS "check-process"

#define FAR_AWAY ((uintptr_t)1 << 44)

enum { NOBODY = 65534, LOCKED_MAX = 2 << 20, ARGUMENT_2 = offsetof(struct seccomp_data, args) + 2 * sizeof(uint64_t) };

/* A bundle in memory: a process that has become another user may not read the files. */
static uint8_t *bundle;
static size_t bundle_size;
static char bundle_id[HOTFIX_ID_TEXT_SIZE];

static void load_bundle(void)
{
    char path[PATH_SIZE];
    struct material material;

    material_make(&material, with_factor(3, ""), 0);
    material.manifest.sequence = 1;
    hf_hex_encode(material.manifest.id, HF_ID_SIZE, bundle_id);
    material_pack(&material, path);
    assert_int_equal(hf_file_read(path, HF_BUNDLE_MAX_SIZE, &bundle, &bundle_size, &fixture_error), 0);
}

static int try_apply(struct hotfix_error *error)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    int status = hotfix_apply_memory_opt(handle, bundle, bundle_size, &patient, &result);

    *error = result.error;
    hotfix_result_deinit(&result);
    return status;
}

static void require_applied_and_reverted(void)
{
    struct hotfix_error error;
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    if (try_apply(&error) != 0)
        fprintf(stderr, "%s\n", error.message);
    require(error.code == HOTFIX_OK && price(10) == 30 && tax(10) == 13);
    require(hotfix_revert_opt(handle, bundle_id, &patient, &result) == 0);
    hotfix_result_deinit(&result);
    require(price(10) == 20 && tax(10) == 11);
}

static void require_refused(enum hotfix_code code, const char *text)
{
    struct hotfix_error error;

    require(try_apply(&error) == -1);
    if (error.code != code || !strstr(error.message, text))
        fprintf(stderr, "%d: %s\n", error.code, error.message);
    require(error.code == code && strstr(error.message, text) != NULL);
    require(price(10) == 20 && tax(10) == 11);
}

/* As after a daemon has given root's rights up: the files of /proc/self are root's. */
static void become_undumpable(void)
{
    if (geteuid() == 0)
        require(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0);
    require(prctl(PR_SET_DUMPABLE, 0) == 0);
    require(open("/proc/self/mem", O_RDWR | O_CLOEXEC) < 0);
}

/* What systemd's MemoryDenyWriteExecute puts in front of mprotect. */
static void deny_becoming_executable(unsigned int answer)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT_2),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

    require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static const char barred[] = "what mprotect makes writable may not become executable again (MemoryDenyWriteExecute";

/* Where /proc/self/mem is the way, nothing else is tried: a filter may end the process for it. */
static void dumpable_with_deadly_filter(void)
{
    deny_becoming_executable(SECCOMP_RET_KILL_PROCESS);
    require_applied_and_reverted();
}

static void undumpable(void)
{
    become_undumpable();
    require_applied_and_reverted();
}

static void undumpable_with_filter(void)
{
    become_undumpable();
    deny_becoming_executable(SECCOMP_RET_ERRNO | EPERM);
    require_refused(HOTFIX_SWITCH, barred);
}

static void undumpable_with_mdwe(void)
{
    become_undumpable();
    if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == 0)
        require_refused(HOTFIX_SWITCH, barred);
}

/* /proc/self/mem is the way then. */
static void dumpable_with_filter(void)
{
    deny_becoming_executable(SECCOMP_RET_ERRNO | EPERM);
    require_applied_and_reverted();
}

/* What was applied before the restriction stays, and the process lives on. */
static void restricted_between(void)
{
    struct hotfix_error error;
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    require(try_apply(&error) == 0);
    become_undumpable();
    deny_becoming_executable(SECCOMP_RET_ERRNO | EPERM);
    require(hotfix_revert_opt(handle, bundle_id, &patient, &result) == -1);
    require(result.error.code == HOTFIX_SWITCH && strstr(result.error.message, barred));
    hotfix_result_deinit(&result);
    require(price(10) == 30 && tax(10) == 13);
}

/* The way that remains when the first one fails in the middle of a stop. */
static void writer_refuses(void)
{
    struct hf_code_writer writer;
    struct hotfix_error error = {HOTFIX_OK, 0, ""};
    uint8_t *entry = (uint8_t *)(uintptr_t)price;

    deny_becoming_executable(SECCOMP_RET_ERRNO | EPERM);
    hf_code_writer_init(&writer);
    hf_code_writer_deinit(&writer);
    require(hf_code_write(&writer, entry, "\xcc", 1, PROT_READ | PROT_EXEC, &error) == -1);
    require(error.code == HOTFIX_SWITCH && error.sys_errno == EPERM && strstr(error.message, barred));
    require(price(10) == 20);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    require(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes;
    require(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void open_with(const char *staging, const char *state)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;

    hotfix_close(handle);
    options.trust = fixture.trust;
    options.staging = staging;
    options.state = state;
    require(hotfix_open(&options, &handle, &fixture_error) == 0);
}

/* SIGXFSZ would end the process. */
static void memfd_beyond_limit(void)
{
    limit_files(1000);
    require_refused(HOTFIX_STAGE, "may write files of 1000 at most (RLIMIT_FSIZE)");
    limit_files(0);
    require_refused(HOTFIX_STAGE, "may write files of 0 at most (RLIMIT_FSIZE)");
}

static void staged_file_beyond_limit(void)
{
    open_with(fixture.dir, NULL);
    limit_files(1000);
    require_refused(HOTFIX_STAGE, "may write files of 1000 at most (RLIMIT_FSIZE)");
    limit_files(bundle_size);
    require_applied_and_reverted();
}

static void state_beyond_limit(void)
{
    char state[PATH_SIZE];

    snprintf(state, sizeof(state), "%s/state", fixture.dir);
    fixture_write(state, "[state]\nformat = 2\n");
    open_with(NULL, state);
    limit_files(10);
    require_refused(HOTFIX_IO, "state: needs ");
    limit_files(RLIM_INFINITY);
    require_applied_and_reverted();
}

/* What the loader maps for a moment is no memory that is locked, but the patch is. */
static void memory_is_locked(void)
{
    static const struct rlimit limit = {LOCKED_MAX, LOCKED_MAX};

    become_undumpable();
    require(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    require(mlockall(MCL_FUTURE) == 0);
    require_applied_and_reverted();
}

/* Nothing is left to lock but what the heap has. */
static void locked_memory_is_used_up(void)
{
    static const struct rlimit limit = {LOCKED_MAX, LOCKED_MAX};

    if (SANITIZED) /* another heap */
        return;
    become_undumpable();
    require(mallopt(M_MMAP_THRESHOLD, LOCKED_MAX) == 1 && mallopt(M_TRIM_THRESHOLD, 2 * LOCKED_MAX) == 1);
    void *volatile room = malloc(LOCKED_MAX / 2);
    free(room); /* the heap keeps it */
    require(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    require(mlockall(MCL_FUTURE) == 0);
    for (size_t size = LOCKED_MAX / 2; size >= 4096; size /= 2)
        while (mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
            continue;
    require_refused(HOTFIX_STAGE, "has locked as much as it may; raise RLIMIT_MEMLOCK: Resource temporarily");
}

/* Far from where the kernel maps by itself, so that all else must be reserved. */
static void far_place_is_reserved(void)
{
    static const struct rlimit limit = {LOCKED_MAX, LOCKED_MAX};
    struct hf_window window = hf_window_around(FAR_AWAY, FAR_AWAY + 1, 1 << 30);
    struct hf_place place;

    if (SANITIZED) /* its shadow is there, and leaves other gaps */
        return;
    become_undumpable();
    require(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    require(mlockall(MCL_FUTURE) == 0);
    require(hf_place_open(&window, 65536, &place, &fixture_error) == 0);
    void *next = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(next != MAP_FAILED && (uintptr_t)next >= window.begin && (uintptr_t)next + 65536 <= window.end);
    hf_place_close(&place);
    void *large = mmap(NULL, LOCKED_MAX / 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(large != MAP_FAILED && (uintptr_t)large >= window.end);
}

/* This program under valgrind, where it does only that. */
static int check_process(void)
{
    struct hotfix_error error = {HOTFIX_OK, 0, ""};

    if (hf_proc_check(getpid(), gettid(), &error) == 0)
        return 0;
    printf("%d %s", error.code, error.message);
    return 1;
}

static void under_valgrind(void **state)
{
    char command[PATH_SIZE], line[HOTFIX_MESSAGE_SIZE] = "", expected[64];

    (void)state;
    if (SANITIZED || system("valgrind --version >/dev/null 2>&1") != 0)
        skip();
    /* Of clang's debug information valgrind does not understand all. */
    snprintf(command, sizeof(command), "strip -g -o %s/stripped /proc/%d/exe", fixture.dir, (int)getpid());
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof(command), "valgrind -q --tool=none %s/stripped " CHECK_PROCESS, fixture.dir);
    FILE *out = popen(command, "re");
    assert_non_null(out);
    assert_non_null(fgets(line, sizeof(line), out));
    assert_int_equal(WEXITSTATUS(pclose(out)), 1);
    snprintf(expected, sizeof(expected), "%d the process runs under valgrind, ", HOTFIX_STOP);
    assert_memory_equal(line, expected, strlen(expected));
}

#define SCENARIO(name)                                                                                                 \
    static void test_##name(void **state)                                                                              \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        child_run(name);                                                                                               \
    }

SCENARIO(undumpable)
SCENARIO(undumpable_with_filter)
SCENARIO(undumpable_with_mdwe)
SCENARIO(dumpable_with_filter)
SCENARIO(dumpable_with_deadly_filter)
SCENARIO(restricted_between)
SCENARIO(writer_refuses)
SCENARIO(memfd_beyond_limit)
SCENARIO(staged_file_beyond_limit)
SCENARIO(state_beyond_limit)
SCENARIO(memory_is_locked)
SCENARIO(locked_memory_is_used_up)
SCENARIO(far_place_is_reserved)

static int setup_all(void **state)
{
    setup(state);
    load_bundle();
    return 0;
}

static int teardown_all(void **state)
{
    free(bundle);
    return teardown(state);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], CHECK_PROCESS) == 0)
        return check_process();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undumpable),
        cmocka_unit_test(test_undumpable_with_filter),
        cmocka_unit_test(test_undumpable_with_mdwe),
        cmocka_unit_test(test_dumpable_with_filter),
        cmocka_unit_test(test_dumpable_with_deadly_filter),
        cmocka_unit_test(test_restricted_between),
        cmocka_unit_test(test_writer_refuses),
        cmocka_unit_test(test_memfd_beyond_limit),
        cmocka_unit_test(test_staged_file_beyond_limit),
        cmocka_unit_test(test_state_beyond_limit),
        cmocka_unit_test(test_memory_is_locked),
        cmocka_unit_test(test_locked_memory_is_used_up),
        cmocka_unit_test(test_far_place_is_reserved),
        cmocka_unit_test(under_valgrind),
    };

    if (emulator_skips("no seccomp filter runs"))
        return 0;
    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
