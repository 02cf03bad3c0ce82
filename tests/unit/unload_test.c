/* SPDX-License-Identifier: Apache-2.0 */
/* Reverts that unload the patch, and all that must keep them from it. */
#include "emulated.h"
#include "scenario.h"

#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define SHORT_NS 20000000u

static const char target_source[] =
    "int visit(int n, int (*hook)(int)) { volatile int sum = n; return hook(sum) + 1; }\n"
    "const char *name(void) { static const char text[] = \"released\"; return text; }\n";
static const char patch_source[] =
    "int visit(int n, int (*hook)(int)) { volatile int sum = n; return hook(sum) + 1000; }\n"
    "const char *name(void) { static const char text[] = \"the fixed one\"; return text; }\n";
static const char lean_source[] =
    "int visit(int n, int (*hook)(int)) { volatile int sum = n; return hook(sum) + 1000; }\n";
static const char *const visit_only[] = {"visit", NULL};
static const char *const both[] = {"visit", "name", NULL};

typedef int hook_fn(int);

static struct scenario scenario;
static char bundle[PATH_SIZE];
static char lean[PATH_SIZE]; /* without constants */
static int (*visit)(int, hook_fn *);
static const char *(*name)(void);

/* Where the patch's visit() is, turned round so that it is no pointer. */
static uintptr_t hidden;

static void *shown(void)
{
    return (void *)~hidden;
}

/* In a frame of their own, so that the test's holds no pointer while the stacks are looked at. */
static __attribute__((noinline)) void point_there(void **place)
{
    *place = shown();
}

static __attribute__((noinline)) void keep_name(const char **place)
{
    *place = name();
    assert_string_equal(*place, "the fixed one");
}

static int identity(int n)
{
    return n;
}

static struct hotfix_apply_options unloading(void)
{
    struct hotfix_apply_options options = patient;

    options.unload = HOTFIX_UNLOAD;
    return options;
}

/* Applies and leaves nothing that points into the patch: what it had in registers and frames ends with it. */
static __attribute__((noinline)) void apply(const char *path)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    if (hotfix_apply_opt(scenario.handle, path, &patient, &result) != 0)
        fail_msg("%s", result.error.message);
    hidden = ~(uintptr_t)result.functions[0].new_address;
    hotfix_result_deinit(&result);
}

static __attribute__((noinline)) bool is_mapped(void)
{
    Dl_info info;
    return dladdr(shown(), &info) != 0;
}

/* What earlier calls left where later frames will lie would count as theirs. */
static __attribute__((noinline)) void wipe_stack(void)
{
    uint8_t below[32768];
    explicit_bzero(below, sizeof(below));
}

/* Reverts; is the patch then unloaded, and does the log say so and why? */
static __attribute__((noinline)) void revert_wiped(const char *wanted)
{
    struct hotfix_apply_options options = unloading();
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    if (hotfix_revert_opt(scenario.handle, NULL, &options, &result) != 0)
        fail_msg("%s", result.error.message);
    if (!strstr(result.log, wanted))
        fail_msg("'%s' is not in %s", wanted, result.log);
    hotfix_result_deinit(&result);
    assert_int_equal(visit(5, identity), 6);
}

static void revert(const char *wanted)
{
    wipe_stack();
    revert_wiped(wanted);
}

static void revert_and_unload(void)
{
    revert("is unloaded");
    assert_false(is_mapped());
}

static void revert_and_keep(const char *why)
{
    revert(why);
    assert_true(is_mapped());
}

static int setup(void **state)
{
    (void)state;
    scenario_open(&scenario, "", target_source);
    scenario_bundle(&scenario, both, "", patch_source, bundle);
    scenario_bundle(&scenario, visit_only, "", lean_source, lean);
    visit = (int (*)(int, hook_fn *))(uintptr_t)scenario_symbol(&scenario, "visit");
    name = (const char *(*)(void))(uintptr_t)scenario_symbol(&scenario, "name");
    assert_true(scenario_apply(&scenario, bundle));
    assert_true(scenario_revert(&scenario));
    return 0;
}

static int begin(void **state)
{
    (void)state;
    wipe_stack();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scenario_close(&scenario);
    return 0;
}

static void unknown_kind_of_unloading_is_refused(void **state)
{
    struct hotfix_apply_options options = patient;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    int unknown = 2;

    (void)state;
    memcpy(&options.unload, &unknown, sizeof(unknown));
    assert_int_equal(hotfix_revert_opt(scenario.handle, NULL, &options, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_USAGE);
    hotfix_result_deinit(&result);
}

static void without_being_asked_the_patch_is_kept(void **state)
{
    struct hotfix_apply_options options = unloading();

    (void)state;
    apply(bundle);
    options.size = offsetof(struct hotfix_apply_options, unload);
    assert_int_equal(hotfix_revert_opt(scenario.handle, NULL, &options, NULL), 0);
    assert_true(is_mapped());
    apply(bundle);
    assert_true(scenario_revert(&scenario));
    assert_true(is_mapped());
}

static sem_t is_inside;
static sem_t may_leave;

static int hold(int n)
{
    sem_post(&is_inside);
    while (sem_wait(&may_leave) != 0)
        continue;
    return n;
}

static void *visit_and_hold(void *arg)
{
    return (void *)(uintptr_t)(unsigned)visit((int)(uintptr_t)arg, hold);
}

static void patch_with_a_thread_inside_is_kept_and_the_thread_finishes(void **state)
{
    struct hotfix_apply_options options = unloading();
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    pthread_t thread;
    void *got;

    (void)state;
    apply(bundle);
    assert_int_equal(pthread_create(&thread, NULL, visit_and_hold, (void *)5), 0);
    sem_wait(&is_inside);
    options.deadline_ns = SHORT_NS;
    int status;
    do { /* the deadline is the revert's, too */
        status = hotfix_revert_opt(scenario.handle, NULL, &options, &result);
    } while (status != 0 && result.error.code == HOTFIX_BUSY);
    assert_int_equal(status, 0);
    assert_non_null(strstr(result.log, "stays mapped: "));
    hotfix_result_deinit(&result);
    assert_true(is_mapped());
    sem_post(&may_leave);
    assert_int_equal(pthread_join(thread, &got), 0);
    assert_int_equal((uintptr_t)got, 1005);
}

static void *kept_pointer;

static void patch_that_static_data_points_into_is_kept(void **state)
{
    (void)state;
    apply(bundle);
    point_there(&kept_pointer);
    revert_and_keep("points into it");
    assert_int_equal(((int (*)(int, hook_fn *))(uintptr_t)kept_pointer)(5, identity), 1005);
    kept_pointer = NULL;
}

static void patch_whose_text_the_heap_points_to_is_kept(void **state)
{
    const char **copy = malloc(sizeof(*copy));

    (void)state;
    assert_non_null(copy);
    apply(bundle);
    keep_name(copy);
    revert_and_keep("points into it");
    assert_string_equal(*copy, "the fixed one");
    free(copy);
}

static void assert_kept_for(void **page)
{
    *page = NULL;
    apply(bundle);
    point_there(page);
    revert_and_keep("points into it");
    *page = NULL;
}

static void patch_that_shared_memory_points_into_is_kept(void **state)
{
    void **page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_ptr_not_equal(page, MAP_FAILED);
    assert_kept_for(page);
    munmap(page, 4096);
}

static void patch_that_read_only_memory_points_into_is_kept(void **state)
{
    void **page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_ptr_not_equal(page, MAP_FAILED);
    apply(bundle);
    point_there(page);
    assert_int_equal(mprotect(page, 4096, PROT_READ), 0);
    revert_and_keep("points into it");
    munmap(page, 4096);
}

/* Address space that was only reserved takes minutes to go through, too. */
static void patch_is_kept_where_too_much_is_mapped(void **state)
{
    const size_t size = (size_t)2 << 40;

    (void)state;
    if (emulator_lacks("it records each page of the space that is reserved"))
        skip();
    void *space = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(space, MAP_FAILED);
    apply(bundle);
    revert_and_keep("too much to look for pointers in");
    munmap(space, size);
}

static void patch_in_an_unreleased_result_is_kept(void **state)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    assert_int_equal(hotfix_apply_opt(scenario.handle, bundle, &patient, &result), 0);
    hidden = ~(uintptr_t)result.functions[0].new_address;
    revert_and_keep("points into it");
    hotfix_result_deinit(&result);
}

static void patch_with_a_signal_handler_is_kept(void **state)
{
    struct sigaction action = {.sa_flags = 0}, old;

    (void)state;
    apply(bundle);
    action.sa_handler = (void (*)(int))(uintptr_t)shown();
    assert_int_equal(sigaction(SIGUSR2, &action, &old), 0);
    memset(&action, 0, sizeof(action));
    revert_and_keep("the handler of signal");
    assert_int_equal(sigaction(SIGUSR2, &old, NULL), 0);
}

static void patch_that_somebody_else_opened_is_kept(void **state)
{
    Dl_info info;

    (void)state;
    apply(bundle);
    assert_int_not_equal(dladdr(shown(), &info), 0);
    void *library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    assert_non_null(library);
    memset(&info, 0, sizeof(info));
    revert_and_keep("the dynamic linker keeps it, as when somebody else has opened it");
    dlclose(library);
    assert_false(is_mapped());
}

#if defined(__x86_64__)
static atomic_bool quit;
static atomic_bool spinning;

/* Has the pointer in a register and nowhere else. */
static void *keep_in_register(void *arg)
{
    (void)arg;
    __asm__ volatile("mov %[hidden], %%r12\n"
                     "not %%r12\n"
                     "movb $1, %[spinning]\n"
                     "1: pause\n"
                     "cmpb $0, %[quit]\n"
                     "je 1b\n"
                     "xor %%r12, %%r12\n"
                     : [spinning] "=m"(spinning)
                     : [hidden] "m"(hidden), [quit] "m"(quit)
                     : "r12", "cc", "memory");
    return NULL;
}

static void patch_that_a_register_points_into_is_kept(void **state)
{
    struct hotfix_apply_options options = unloading();
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    pthread_t thread;

    (void)state;
    apply(bundle);
    assert_int_equal(pthread_create(&thread, NULL, keep_in_register, NULL), 0);
    while (!atomic_load(&spinning))
        usleep(100);
    options.deadline_ns = SHORT_NS;
    while (hotfix_revert_opt(scenario.handle, NULL, &options, &result) != 0)
        assert_int_equal(result.error.code, HOTFIX_BUSY);
    assert_non_null(strstr(result.log, "stays mapped: "));
    hotfix_result_deinit(&result);
    assert_true(is_mapped());
    atomic_store(&quit, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
}
#endif

static void unloading_leaves_the_process_as_it_was(void **state)
{
    (void)state;
    struct picture before = picture_take();
    apply(bundle);
    assert_int_equal(visit(5, identity), 1005);
    revert_and_unload();
    picture_assert_same(&before);
}

static void patch_in_the_middle_of_others_is_unloaded(void **state)
{
    static const char source[] =
        "int visit(int n, int (*hook)(int)) { volatile int sum = n; return hook(sum) + ADDED; }\n";
    struct hotfix_apply_options options = unloading();
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    char path[3][PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE] = "";

    (void)state;
    for (int i = 0; i < 3; i++) {
        char flags[32];
        snprintf(flags, sizeof(flags), "-DADDED=%d0", i + 2);
        scenario_bundle(&scenario, visit_only, flags, source, path[i]);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hotfix_apply_opt(scenario.handle, path[i], &patient, &result), 0);
        if (i == 1) {
            hidden = ~(uintptr_t)result.functions[0].new_address;
            memcpy(id, result.id, sizeof(id));
        }
        hotfix_result_deinit(&result);
    }
    assert_int_equal(visit(5, identity), 45);
    assert_int_equal(hotfix_revert_opt(scenario.handle, id, &options, &result), 0);
    assert_non_null(strstr(result.log, "is unloaded"));
    assert_false(is_mapped());
    assert_int_equal(visit(5, identity), 45);
    assert_int_equal(hotfix_revert_opt(scenario.handle, NULL, &options, &result), 0);
    assert_int_equal(visit(5, identity), 25);
    assert_int_equal(hotfix_revert_opt(scenario.handle, NULL, &options, &result), 0);
    assert_int_equal(visit(5, identity), 6);
    hotfix_result_deinit(&result);
}

static atomic_bool stop_calling;
static atomic_int wrong;
static atomic_int calls;

static void *call_all_the_time(void *arg)
{
    while (!atomic_load(&stop_calling)) {
        int got = visit(5, identity);
        if (got != 6 && got != 1005)
            atomic_fetch_add(&wrong, 1);
        atomic_fetch_add(&calls, 1);
    }
    return arg;
}

/* What threads left behind below their stack pointers does not count. */
static void patch_is_unloaded_under_threads_that_called_it(void **state)
{
    pthread_t threads[3];

    (void)state;
    atomic_store(&stop_calling, false);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_all_the_time, NULL), 0);
    for (int i = 0; i < 20; i++) {
        apply(lean);
        for (int seen = atomic_load(&calls); atomic_load(&calls) < seen + 100;)
            usleep(100);
        revert_and_unload();
    }
    atomic_store(&stop_calling, true);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&wrong), 0);
}

enum { CYCLES = 1000, SLACK = 65536 };

static void thousand_cycles_leak_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        apply(lean);
        revert_and_unload();
    }
    struct picture before = picture_take();
    size_t allocated = mallinfo2().uordblks;
    for (int i = 0; i < CYCLES; i++) {
        apply(lean);
        assert_int_equal(visit(5, identity), 1005);
        revert_and_unload();
    }
    size_t now = mallinfo2().uordblks;
    picture_assert_same(&before);
    if (!SANITIZED)
        assert_in_range(now, 0, allocated + SLACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(unknown_kind_of_unloading_is_refused, begin),
        cmocka_unit_test_setup(without_being_asked_the_patch_is_kept, begin),
        cmocka_unit_test_setup(patch_with_a_thread_inside_is_kept_and_the_thread_finishes, begin),
        cmocka_unit_test_setup(patch_that_static_data_points_into_is_kept, begin),
        cmocka_unit_test_setup(patch_whose_text_the_heap_points_to_is_kept, begin),
        cmocka_unit_test_setup(patch_that_shared_memory_points_into_is_kept, begin),
        cmocka_unit_test_setup(patch_that_read_only_memory_points_into_is_kept, begin),
        cmocka_unit_test_setup(patch_is_kept_where_too_much_is_mapped, begin),
        cmocka_unit_test_setup(patch_in_an_unreleased_result_is_kept, begin),
        cmocka_unit_test_setup(patch_with_a_signal_handler_is_kept, begin),
        cmocka_unit_test_setup(patch_that_somebody_else_opened_is_kept, begin),
#if defined(__x86_64__)
        cmocka_unit_test_setup(patch_that_a_register_points_into_is_kept, begin),
#endif
        cmocka_unit_test_setup(unloading_leaves_the_process_as_it_was, begin),
        cmocka_unit_test_setup(patch_in_the_middle_of_others_is_unloaded, begin),
        cmocka_unit_test_setup(patch_is_unloaded_under_threads_that_called_it, begin),
        cmocka_unit_test_setup(thousand_cycles_leak_nothing, begin),
    };
    /* The frames that it makes keep what earlier ones held, which counts as pointers into the patch. */
    if (SANITIZED) {
        puts("1..0 # SKIP stacks are not as usual under AddressSanitizer");
        return 0;
    }
    sem_init(&is_inside, 0, 0);
    sem_init(&may_leave, 0, 0);
    return cmocka_run_group_tests(tests, setup, teardown);
}
