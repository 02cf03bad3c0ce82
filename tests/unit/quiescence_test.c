/* SPDX-License-Identifier: Apache-2.0 */
/* Immediate and quiescent switches, with threads inside the functions. */
#include "apply_fixture.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "cleanup.h"

#define SHORT_NS 20000000u
#define LONG_NS  10000000000u

/* A thread that blocks inside order(), or a version of it that calls hold() through a variable. */
static sem_t is_inside;
static sem_t may_leave;
static atomic_int holder;
static int result_of_order;

static void hold(void)
{
    atomic_store(&holder, (int)syscall(SYS_gettid));
    sem_post(&is_inside);
    while (sem_wait(&may_leave) != 0)
        continue;
}

static void *call_order(void *arg)
{
    (void)arg;
    prctl(PR_SET_NAME, "in the way");
    result_of_order = order(10);
    return NULL;
}

static pthread_t enter_order(void)
{
    pthread_t thread;

    set_hook(hold);
    assert_int_equal(pthread_create(&thread, NULL, call_order, NULL), 0);
    while (sem_wait(&is_inside) != 0)
        continue;
    set_hook(NULL);
    return thread;
}

static void leave_order(pthread_t thread)
{
    sem_post(&may_leave);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static struct hotfix_apply_options quiescent(uint64_t deadline_ns)
{
    struct hotfix_apply_options options = HOTFIX_APPLY_OPTIONS_INIT;

    options.quiescence = HOTFIX_QUIESCENT;
    options.deadline_ns = deadline_ns;
    return options;
}

/*
 * A quiescent apply, or a revert where there is no path, that somebody is in the way of. Under load a deadline may pass
 * before any attempt has come so far as to see who: then it is given twice as long.
 */
static int hinder(const char *path, enum hotfix_quiescence quiescence, struct hotfix_result *result)
{
    struct hotfix_apply_options options = quiescent(SHORT_NS);
    int status;

    options.quiescence = quiescence;
    do {
        status =
            path ? hotfix_apply_opt(handle, path, &options, result) : hotfix_revert_opt(handle, NULL, &options, result);
        options.deadline_ns *= 2;
    } while (status != 0 && options.deadline_ns < LONG_NS && !strstr(result->error.message, " at 0x"));
    return status;
}

static int switch_hindered(const char *path, struct hotfix_result *result)
{
    return hinder(path, HOTFIX_QUIESCENT, result);
}

static void assert_refused_by_name(const struct hotfix_result *result)
{
    char thread[64];

    snprintf(thread, sizeof(thread), "thread %d (in the way) ", atomic_load(&holder));
    assert_int_equal(result->error.code, HOTFIX_BUSY);
    assert_non_null(strstr(result->error.message, thread));
    assert_non_null(strstr(result->error.message, "order at 0x"));
    assert_int_equal(result->function_count, 0);
}

static void options_without_a_size_are_refused(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix_apply_options options = quiescent(0);
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_bundle(3, both, path, id);
    options.size = 0;
    assert_int_equal(hotfix_apply_opt(handle, path, &options, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_USAGE);
    assert_int_equal(hotfix_revert_opt(handle, NULL, &options, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_USAGE);
    hotfix_result_deinit(&result);
    assert_unpatched();
}

static void unknown_kind_of_quiescence_is_refused(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix_apply_options options = HOTFIX_APPLY_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    int unknown = 2;

    (void)state;
    make_bundle(3, both, path, id);
    memcpy(&options.quiescence, &unknown, sizeof(unknown));
    assert_int_equal(hotfix_apply_opt(handle, path, &options, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_USAGE);
    hotfix_result_deinit(&result);
    assert_unpatched();
}

static void thread_blocked_in_the_old_function_finishes_it_when_immediate(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_bundle(100, order_only, path, id);
    pthread_t thread = enter_order();
    assert_int_equal(apply_plain(path, &result), 0);
    hotfix_result_deinit(&result);
    assert_int_equal(order(10), 90);
    leave_order(thread);
    assert_int_equal(result_of_order, 11);
    must_revert(id);
    assert_int_equal(order(10), 11);
}

static void thread_blocked_in_the_old_function_is_named_when_quiescent(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix_apply_options options = quiescent(SHORT_NS);
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_bundle(100, order_only, path, id);
    pthread_t thread = enter_order();
    struct picture before = picture_take();
    assert_int_equal(switch_hindered(path, &result), -1);
    assert_refused_by_name(&result);
    picture_assert_same(&before);
    assert_int_equal(order(10), 11);
    leave_order(thread);

    options.deadline_ns = LONG_NS;
    if (hotfix_apply_opt(handle, path, &options, &result) != 0)
        fail_msg("%s", result.error.message);
    hotfix_result_deinit(&result);
    assert_int_equal(order(10), 90);
    must_revert(id);
}

/* The hook is in the way of an apply that is called from inside the function itself. */
static char inside_path[PATH_SIZE];
static struct hotfix_error inside_error;

static void apply_inside(void)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    set_hook(NULL);
    assert_int_equal(switch_hindered(inside_path, &result), -1);
    inside_error = result.error;
    hotfix_result_deinit(&result);
}

static void caller_inside_the_old_function_is_refused_when_quiescent(void **state)
{
    char id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    make_bundle(100, order_only, inside_path, id);
    set_hook(apply_inside);
    assert_int_equal(order(10), 11);
    assert_int_equal(inside_error.code, HOTFIX_BUSY);
    assert_non_null(strstr(inside_error.message, "order at 0x"));
    assert_int_equal(order(10), 11);
}

/* A bundle for price() whose manifest says that order() was moved out of it, or nothing of that kind. */
static void make_cold_bundle(bool cold, char path[PATH_SIZE])
{
    struct hf_manifest manifest;
    HF_FREE uint8_t *payload = NULL, *bundle = NULL;
    struct link_map *map;
    ElfW(Sym) * symbol;
    Dl_info info;
    size_t size;
    unsigned number = next_number++;

    fixture_patch(&fixture, number, "cold.so", "", with_factor(100, ""));
    fixture_manifest(&fixture, number, "cold.so", price_only, &manifest, &payload);
    assert_int_not_equal(dladdr1((void *)(uintptr_t)order, &info, (void **)&symbol, RTLD_DL_SYMENT), 0);
    assert_int_not_equal(dladdr1((void *)(uintptr_t)order, &info, (void **)&map, RTLD_DL_LINKMAP), 0);
    if (cold)
        assert_int_equal(
            hf_code_ranges_add(&manifest.functions[0].cold, (uintptr_t)order - map->l_addr, symbol->st_size), 0);
    fixture_sign(&manifest, payload, fixture.key, &bundle, &size);
    fixture_write_bundle(&fixture, "cold", bundle, size, path);
    hf_manifest_deinit(&manifest);
}

static void thread_in_a_cold_part_is_in_the_function(void **state)
{
    char path[PATH_SIZE];
    struct hotfix_apply_options options = quiescent(LONG_NS);
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_cold_bundle(true, path);
    pthread_t thread = enter_order();
    assert_int_equal(switch_hindered(path, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_BUSY);
    assert_non_null(strstr(result.error.message, "price, a cold part at 0x"));
    hotfix_result_deinit(&result);

    make_cold_bundle(false, path);
    if (hotfix_apply_opt(handle, path, &options, &result) != 0)
        fail_msg("%s", result.error.message);
    hotfix_result_deinit(&result);
    leave_order(thread);
    must_revert(NULL);
}

static void cold_part_outside_of_the_code_is_refused(void **state)
{
    struct hf_manifest manifest;
    HF_FREE uint8_t *payload = NULL, *bundle = NULL;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    unsigned number = next_number++;
    char path[PATH_SIZE];
    size_t size;

    (void)state;
    fixture_patch(&fixture, number, "cold.so", "", with_factor(100, ""));
    fixture_manifest(&fixture, number, "cold.so", price_only, &manifest, &payload);
    assert_int_equal(hf_code_ranges_add(&manifest.functions[0].cold, 0x10000000, 16), 0);
    fixture_sign(&manifest, payload, fixture.key, &bundle, &size);
    fixture_write_bundle(&fixture, "cold", bundle, size, path);
    hf_manifest_deinit(&manifest);
    assert_int_equal(apply_plain(path, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_FORMAT);
    assert_non_null(strstr(result.error.message, "function price: its cold part does not lie in the code of"));
    hotfix_result_deinit(&result);
    assert_unpatched();
}

static void *leave_soon(void *arg)
{
    (void)arg;
    usleep(20000);
    sem_post(&may_leave);
    return NULL;
}

static void quiescent_apply_waits_until_the_thread_has_left(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix_apply_options options = quiescent(LONG_NS);
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    pthread_t helper;

    (void)state;
    make_bundle(100, order_only, path, id);
    pthread_t thread = enter_order();
    assert_int_equal(pthread_create(&helper, NULL, leave_soon, NULL), 0);
    if (hotfix_apply_opt(handle, path, &options, &result) != 0)
        fail_msg("%s", result.error.message);
    hotfix_result_deinit(&result);
    pthread_join(helper, NULL);
    pthread_join(thread, NULL);
    assert_int_equal(result_of_order, 11);
    assert_int_equal(order(10), 90);
    must_revert(id);
}

/* The patched order() calls the hook that the program, through a variable of the patch, gives it. */
static const char hooked_order[] = "void (*hook)(void);\n"
                                   "int price(int n) { volatile int v = n; return v * 3; }\n"
                                   "int order(int n) { volatile int v = n; if (hook) hook(); return 100 - v; }\n";

static void (**hook_of(const struct hotfix_result *result))(void)
{
    struct link_map *map;
    Dl_info info;

    assert_int_not_equal(dladdr1(result->functions[0].new_address, &info, (void **)&map, RTLD_DL_LINKMAP), 0);
    void *library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    assert_non_null(library);
    void (**hook)(void) = dlsym(library, "hook");
    assert_non_null(hook);
    dlclose(library);
    return hook;
}

static void apply_hooked_order(void)
{
    char path[PATH_SIZE];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    fixture_bundle(&fixture, next_number++, order_only, hooked_order, path);
    if (apply_plain(path, &result) != 0)
        fail_msg("%s", result.error.message);
    *hook_of(&result) = hold;
    hotfix_result_deinit(&result);
}

static pthread_t enter_patched_order(void)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, call_order, NULL), 0);
    while (sem_wait(&is_inside) != 0)
        continue;
    return thread;
}

/* A bundle that asks for quiescence itself, of order(). */
static void make_quiescent_bundle(char path[PATH_SIZE])
{
    struct hf_manifest manifest;
    HF_FREE uint8_t *payload = NULL, *bundle = NULL;
    unsigned number = next_number++;
    size_t size;

    fixture_patch(&fixture, number, "quiescent.so", "", hooked_order);
    fixture_manifest(&fixture, number, "quiescent.so", order_only, &manifest, &payload);
    manifest.quiescent = true;
    fixture_sign(&manifest, payload, fixture.key, &bundle, &size);
    fixture_write_bundle(&fixture, "quiescent", bundle, size, path);
    hf_manifest_deinit(&manifest);
}

static void bundle_that_asks_for_quiescence_gets_it(void **state)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    char path[PATH_SIZE];

    (void)state;
    make_quiescent_bundle(path);
    pthread_t thread = enter_order();
    assert_int_equal(hinder(path, HOTFIX_IMMEDIATE, &result), -1);
    assert_refused_by_name(&result);
    hotfix_result_deinit(&result);
    leave_order(thread);
    if (apply_plain(path, &result) != 0)
        fail_msg("%s", result.error.message);

    *hook_of(&result) = hold;
    thread = enter_patched_order();
    hotfix_result_deinit(&result);
    assert_int_equal(hinder(NULL, HOTFIX_IMMEDIATE, &result), -1);
    assert_refused_by_name(&result);
    hotfix_result_deinit(&result);
    leave_order(thread);
    must_revert(NULL);
}

static void thread_in_the_new_function_is_named_by_a_quiescent_revert(void **state)
{
    struct hotfix_apply_options options = quiescent(SHORT_NS);
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    apply_hooked_order();
    pthread_t thread = enter_patched_order();
    assert_int_equal(switch_hindered(NULL, &result), -1);
    assert_refused_by_name(&result);
    leave_order(thread);
    assert_int_equal(result_of_order, 90);

    options.deadline_ns = LONG_NS;
    if (hotfix_revert_opt(handle, NULL, &options, &result) != 0)
        fail_msg("%s", result.error.message);
    hotfix_result_deinit(&result);
    assert_int_equal(order(10), 11);
}

static void thread_in_an_earlier_bundles_function_is_named_by_a_quiescent_apply(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_bundle(100, order_only, path, id);
    apply_hooked_order();
    pthread_t thread = enter_patched_order();
    assert_int_equal(switch_hindered(path, &result), -1);
    assert_refused_by_name(&result);
    hotfix_result_deinit(&result);
    leave_order(thread);
    assert_int_equal(result_of_order, 90);
    must_revert(NULL);
    assert_int_equal(order(10), 11);
}

/* A pair that agrees on what is handed over: pence before, pounds after. */
static const char pair_target[] = "void (*hook)(void);\n"
                                  "int taker(int n) { volatile int v = n; return v / 100; }\n"
                                  "int giver(int n) { volatile int v = n * 100; if (hook) hook(); return taker(v); }\n";
static const char pair_patch[] = "int taker(int n) { volatile int v = n; return v; }\n"
                                 "int giver(int n) { volatile int v = n; return taker(v); }\n";
static const char *const pair[] = {"taker", "giver", NULL};
static int (*giver)(int);
static int result_of_giver;

static void *call_giver(void *arg)
{
    (void)arg;
    prctl(PR_SET_NAME, "in the way");
    result_of_giver = giver(7);
    return NULL;
}

static void two_functions_change_together_only_when_no_thread_is_between_them(void **state)
{
    struct hotfix_apply_options options = quiescent(SHORT_NS);
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hf_private_key *key = fixture.key;
    struct fixture other;
    char path[PATH_SIZE];
    pthread_t thread;

    (void)state;
    fixture_setup(&other);
    fixture_compile(&other, "pair.so", "-fno-inline -Wl,-soname,pair.so", pair_target);
    fixture_load(&other, "pair.so");
    hf_private_key_destroy(other.key);
    other.key = key;
    fixture_bundle(&other, next_number++, pair, pair_patch, path);
    other.key = NULL;
    giver = (int (*)(int))(uintptr_t)dlsym(other.target, "giver");
    void (**hook)(void) = dlsym(other.target, "hook");

    *hook = hold;
    assert_int_equal(pthread_create(&thread, NULL, call_giver, NULL), 0);
    while (sem_wait(&is_inside) != 0)
        continue;
    *hook = NULL;
    assert_int_equal(switch_hindered(path, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_BUSY);
    assert_non_null(strstr(result.error.message, "giver at 0x"));
    leave_order(thread);
    assert_int_equal(result_of_giver, 7);

    options.deadline_ns = LONG_NS;
    if (hotfix_apply_opt(handle, path, &options, &result) != 0)
        fail_msg("%s", result.error.message);
    hotfix_result_deinit(&result);
    assert_int_equal(giver(7), 7);
    must_revert(NULL);
    assert_int_equal(giver(7), 7);
    fixture_teardown(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_without_a_size_are_refused),
        cmocka_unit_test(unknown_kind_of_quiescence_is_refused),
        cmocka_unit_test(thread_blocked_in_the_old_function_is_named_when_quiescent),
        cmocka_unit_test(bundle_that_asks_for_quiescence_gets_it),
        cmocka_unit_test(thread_in_a_cold_part_is_in_the_function),
        cmocka_unit_test(cold_part_outside_of_the_code_is_refused),
        cmocka_unit_test(caller_inside_the_old_function_is_refused_when_quiescent),
        cmocka_unit_test(thread_in_the_new_function_is_named_by_a_quiescent_revert),
        cmocka_unit_test(thread_in_an_earlier_bundles_function_is_named_by_a_quiescent_apply),
        cmocka_unit_test(two_functions_change_together_only_when_no_thread_is_between_them),
        cmocka_unit_test(thread_blocked_in_the_old_function_finishes_it_when_immediate),
        cmocka_unit_test(quiescent_apply_waits_until_the_thread_has_left),
    };
    sem_init(&is_inside, 0, 0);
    sem_init(&may_leave, 0, 0);
    return cmocka_run_group_tests(tests, setup, teardown);
}
