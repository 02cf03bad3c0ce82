/* SPDX-License-Identifier: Apache-2.0 */
/* Whole applies and reverts inside this process, through the public API. */
#include "apply_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define THREADS 4

static void apply_switches_all_functions_and_revert_puts_them_back(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    uint8_t before[64];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_bundle(3, both, path, id);
    memcpy(before, (const void *)(uintptr_t)price, sizeof(before));
    if (apply_plain(path, &result) != 0)
        fail_msg("%s", result.error.message);
    assert_int_equal(price(10), 30);
    assert_int_equal(tax(10), 13);
    assert_int_equal(result.error.code, HOTFIX_OK);
    assert_string_equal(result.id, id);
    assert_string_equal(result.version, "1");
    assert_int_equal(result.function_count, 2);
    assert_string_equal(result.functions[0].name, "price");
    assert_ptr_equal(HOTFIX_NEXT(result.functions), result.functions + 1);
    assert_ptr_equal(HOTFIX_NEXT(result.signers), result.signers + 1);
    assert_ptr_equal(result.functions[0].old_address, (void *)(uintptr_t)price);
    assert_ptr_equal(result.functions[0].previous_address, (void *)(uintptr_t)price);
    assert_true(result.cost.total >= result.cost.verify + result.cost.stage + result.cost.pause);
    assert_true(result.cost.verify > 0 && result.cost.stage > 0 && result.cost.pause > 0);
    assert_true(result.running_pause <= result.cost.pause);
    assert_non_null(strstr(result.log, "function price: "));
    assert_non_null(strstr(result.log, "signed by test\n"));
    assert_int_equal(result.signer_count, 1);
    assert_string_equal(result.signers[0].name, "test");
    assert_int_equal(strlen(result.signers[0].key_id), 32);

    if (revert_plain(id, &result) != 0)
        fail_msg("%s", result.error.message);
    assert_int_equal(result.signer_count, 0);
    assert_int_equal(result.function_count, 2);
    assert_memory_equal(before, (const void *)(uintptr_t)price, sizeof(before));
    assert_unpatched();
    hotfix_result_deinit(&result);
}

/* A program that was compiled when the result ended sooner. */
static void smaller_result_is_filled_as_far_as_it_goes(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_bundle(3, both, path, id);
    result.size = offsetof(struct hotfix_result, running_pause);
    result.running_pause = 4711;
    assert_int_equal(apply_plain(path, &result), 0);
    assert_int_equal(result.signer_count, 1);
    assert_int_equal(revert_plain(id, &result), 0);
    hotfix_result_deinit(&result);
    assert_int_equal(result.size, offsetof(struct hotfix_result, running_pause));
    assert_int_equal(result.running_pause, 4711);
    assert_null(result.storage);

    result.size -= 1;
    assert_int_equal(hotfix_revert(handle, id, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_USAGE);
}

static void same_bundle_applies_once_and_again_after_a_revert(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_bundle(3, both, path, id);
    must_apply(path);
    assert_int_equal(hotfix_apply(handle, path, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_APPLIED);
    assert_string_equal(result.id, id);
    assert_int_equal(price(10), 30);
    must_revert(NULL);
    assert_unpatched();
    must_apply(path);
    assert_int_equal(price(10), 30);
    must_revert(id);
    assert_int_equal(hotfix_revert(handle, id, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_NOT_APPLIED);
    hotfix_result_deinit(&result);
    assert_unpatched();
}

static void bundle_in_memory_applies(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    uint8_t *bytes;
    size_t size;

    (void)state;
    make_bundle(5, both, path, id);
    assert_int_equal(hf_file_read(path, HF_BUNDLE_MAX_SIZE, &bytes, &size, &fixture_error), 0);
    assert_int_equal(hotfix_apply_memory_opt(handle, bytes, size, &patient, NULL), 0);
    free(bytes);
    assert_int_equal(price(10), 50);
    must_revert(id);
}

static void applied_bundles_are_listed_oldest_first(void **state)
{
    char path[2][PATH_SIZE], id[2][HOTFIX_ID_TEXT_SIZE];
    struct hotfix_applied *list;
    size_t count;

    (void)state;
    make_bundle(3, both, path[0], id[0]);
    make_bundle(4, price_only, path[1], id[1]);
    assert_int_equal(hotfix_list(handle, &list, &count, NULL), 0);
    assert_null(list);
    assert_int_equal(count, 0);
    must_apply(path[0]);
    must_apply(path[1]);
    assert_int_equal(hotfix_list(handle, &list, &count, NULL), 0);
    assert_int_equal(count, 2);
    assert_ptr_equal(HOTFIX_NEXT(list), list + 1);
    assert_string_equal(list[0].id, id[0]);
    assert_string_equal(list[1].id, id[1]);
    assert_int_equal(list[0].function_count, 2);
    assert_int_equal(list[1].function_count, 1);
    free(list);
    must_revert(id[1]);
    must_revert(id[0]);
}

/* Three bundles over the same function, reverted in each order: the newest that is left counts. */
static void stacked_bundles_revert_in_any_order(void **state)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    char path[3][PATH_SIZE], id[3][HOTFIX_ID_TEXT_SIZE];

    (void)state;
    make_bundle(3, both, path[0], id[0]);
    make_bundle(4, price_only, path[1], id[1]);
    make_bundle(5, both, path[2], id[2]);
    for (size_t o = 0; o < 6; o++) {
        bool live[3] = {false, false, false};
        for (int i = 0; i < 3; i++) {
            must_apply(path[i]);
            live[i] = true;
            assert_int_equal(price(10), (3 + i) * 10);
        }
        for (int r = 0; r < 3; r++) {
            must_revert(id[orders[o][r]]);
            live[orders[o][r]] = false;
            assert_int_equal(price(10), live[2] ? 50 : live[1] ? 40 : live[0] ? 30 : 20);
            assert_int_equal(tax(10), live[2] ? 15 : live[0] ? 13 : 11);
        }
        assert_unpatched();
    }
}

/* A bundle that knows only of some others, and whose id goes to *id. */
static void make_over(const uint8_t (*below)[HF_ID_SIZE], size_t count, char path[PATH_SIZE], uint8_t id[HF_ID_SIZE])
{
    struct material material;
    char made[PATH_SIZE];

    material_make(&material, with_factor(7, ""), 0);
    material.manifest.built_on.count = count;
    if (count > 0)
        memcpy(material.manifest.built_on.items, below, count * HF_ID_SIZE);
    memcpy(id, material.manifest.id, HF_ID_SIZE);
    material_pack(&material, made);
    snprintf(path, PATH_SIZE, "%s/over-%02x%02x", fixture.dir, id[0], id[HF_ID_SIZE - 1]);
    assert_int_equal(rename(made, path), 0);
}

static void must_be_refused(const char *path, const char *message)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    assert_int_equal(apply_plain(path, &result), -1);
    if (result.error.code != HOTFIX_INCOMPATIBLE || !strstr(result.error.message, message))
        fail_msg("%s", result.error.message);
    hotfix_result_deinit(&result);
}

/* One that was built from the release alone would undo the fix of the other. */
static void function_of_an_applied_bundle_is_replaced_only_by_one_built_on_it(void **state)
{
    char first[PATH_SIZE], second[PATH_SIZE], third[PATH_SIZE];
    uint8_t ids[3][HF_ID_SIZE];

    (void)state;
    make_over(NULL, 0, first, ids[0]);
    make_over(NULL, 0, second, ids[1]);
    make_over((const uint8_t(*)[HF_ID_SIZE])ids, 1, third, ids[2]);
    must_apply(first);
    must_be_refused(second, "brings it, too, and its fix would be undone; make this bundle of both fixes");
    assert_int_equal(price(10), 70);
    must_revert(NULL);
    must_apply(second);
    must_be_refused(third, "brings it, too");
    must_revert(NULL);
    must_apply(first);
    must_apply(third);
    must_be_refused(second, "brings it, too");
    must_revert(NULL);
    must_revert(NULL);
    must_apply(third); /* it has both fixes */
    must_be_refused(first, "which was built on this one, has this fix and its own; revert that first");
    must_revert(NULL);
    assert_unpatched();
}

static atomic_bool stop_calling;
static atomic_ulong wrong_results;
static atomic_ulong calls;

static void *call_all_the_time(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop_calling)) {
        int result = price(10);
        if (result != 20 && result != 30)
            atomic_fetch_add(&wrong_results, 1);
        atomic_fetch_add(&calls, 1);
    }
    return NULL;
}

static void threads_that_call_all_the_time_see_one_version_or_the_other(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    pthread_t threads[THREADS];

    (void)state;
    make_bundle(3, both, path, id);
    atomic_store(&stop_calling, false);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_all_the_time, NULL), 0);
    while (atomic_load(&calls) == 0)
        usleep(100);
    for (int i = 0; i < 20; i++) {
        must_apply(path);
        assert_int_equal(price(10), 30);
        must_revert(id);
        assert_int_equal(price(10), 20);
    }
    atomic_store(&stop_calling, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&wrong_results), 0);
}

struct job {
    const char *path;
    int status;
    struct hotfix_result result;
};

static void *apply_in_thread(void *arg)
{
    struct job *job = arg;
    job->status = hotfix_apply_opt(handle, job->path, &patient, &job->result);
    return NULL;
}

static void applies_from_several_threads_all_happen(void **state)
{
    static struct job jobs[THREADS];
    char path[THREADS][PATH_SIZE], id[THREADS][HOTFIX_ID_TEXT_SIZE];
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        make_bundle(3 + i, both, path[i], id[i]);
        jobs[i] = (struct job){.path = path[i], .result = HOTFIX_RESULT_INIT};
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, apply_in_thread, &jobs[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        if (jobs[i].status != 0)
            fail_msg("%s", jobs[i].result.error.message);
        hotfix_result_deinit(&jobs[i].result);
    }
    for (int i = 0; i < THREADS; i++)
        must_revert(id[i]);
    assert_unpatched();
}

static void *apply_and_revert_in_thread(void *arg)
{
    struct job *job = arg;
    job->status = hotfix_apply_opt(handle, job->path, &patient, &job->result);
    if (job->status == 0)
        job->status = hotfix_revert_opt(handle, NULL, &patient, &job->result);
    return NULL;
}

static void thread_with_the_documented_stack_applies(void **state)
{
    static struct job job;
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    pthread_attr_t attr;
    pthread_t thread;

    (void)state;
    make_bundle(3, both, path, id);
    job = (struct job){.path = path, .result = HOTFIX_RESULT_INIT};
    pthread_attr_init(&attr);
    size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN); /* more than that on some CPUs */
    assert_int_equal(pthread_attr_setstacksize(&attr, HOTFIX_STACK_SIZE > least ? HOTFIX_STACK_SIZE : least), 0);
    assert_int_equal(pthread_create(&thread, &attr, apply_and_revert_in_thread, &job), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    if (job.status != 0)
        fail_msg("%s", job.result.error.message);
    hotfix_result_deinit(&job.result);
    assert_unpatched();
}

static char inside_path[PATH_SIZE];

static void apply_inside(void)
{
    set_hook(NULL);
    must_apply(inside_path);
}

static void apply_from_inside_a_patched_function_finishes_in_the_old_code(void **state)
{
    char id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    make_bundle(100, order_only, inside_path, id);
    set_hook(apply_inside);
    assert_int_equal(order(10), 11);
    assert_int_equal(order(10), 90);
    must_revert(id);
    assert_int_equal(order(10), 11);
}

static int recursive_status;
static struct hotfix_error recursive_error;
static unsigned log_lines;

static void log_that_calls_back(enum hotfix_log_level level, const char *text, void *arg)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix **self = arg;

    (void)level;
    assert_null(strchr(text, '\n'));
    log_lines++;
    recursive_status = hotfix_apply(*self, inside_path, &result);
    recursive_error = result.error;
    hotfix_result_deinit(&result);
}

static void call_from_a_log_callback_is_refused(void **state)
{
    char id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix *talking;

    (void)state;
    make_bundle(3, both, inside_path, id);
    talking = open_handle(log_that_calls_back, &talking);
    assert_int_equal(hotfix_apply_opt(talking, inside_path, &patient, NULL), 0);
    assert_true(log_lines > 0);
    assert_int_equal(recursive_status, -1);
    assert_int_equal(recursive_error.code, HOTFIX_USAGE);
    must_revert(id);
    hotfix_close(talking);
}

static int *patch_variable(const struct hotfix_result *result, const char *name)
{
    Dl_info info;
    struct link_map *map;
    assert_int_not_equal(dladdr1(result->functions[0].new_address, &info, (void **)&map, RTLD_DL_LINKMAP), 0);
    void *library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    assert_non_null(library);
    int *variable = dlsym(library, name);
    assert_non_null(variable);
    dlclose(library);
    return variable;
}

static const char hooks_source[] = "int applied, reverted;\n"
                                   "int hotfix_on_apply(void) { applied++; return 0; }\n"
                                   "void hotfix_on_revert(void) { reverted++; }\n";

static void hooks_run_around_the_switch(void **state)
{
    char path[PATH_SIZE];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    fixture_bundle(&fixture, next_number++, both, with_factor(3, hooks_source), path);
    assert_int_equal(apply_plain(path, &result), 0);
    int *applied = patch_variable(&result, "applied");
    int *reverted = patch_variable(&result, "reverted");
    assert_int_equal(*applied, 1);
    assert_int_equal(*reverted, 0);
    must_revert(NULL);
    assert_int_equal(*applied, 1);
    assert_int_equal(*reverted, 1);
    hotfix_result_deinit(&result);
}

static void child_has_what_its_parent_had_applied(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    make_bundle(3, both, path, id);
    must_apply(path);
    pid_t child = fork();
    if (child == 0) {
        struct hotfix_result result = HOTFIX_RESULT_INIT;
        int steps = price(10) == 30;
        steps += revert_plain(id, &result) == 0 && price(10) == 20;
        steps += apply_plain(path, &result) == 0 && price(10) == 30;
        _exit(steps);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_int_equal(price(10), 30);
    must_revert(id);
}

static atomic_bool lock_is_held;
static atomic_bool let_go;

static void log_that_waits(enum hotfix_log_level level, const char *text, void *arg)
{
    (void)level;
    (void)text;
    (void)arg;
    atomic_store(&lock_is_held, true);
    while (!atomic_load(&let_go))
        usleep(100);
}

static void *apply_slowly(void *arg)
{
    struct hotfix *slow = open_handle(log_that_waits, NULL);
    hotfix_apply_opt(slow, arg, &patient, NULL);
    hotfix_close(slow);
    return NULL;
}

static void child_forked_during_an_apply_can_apply(void **state)
{
    char path[2][PATH_SIZE], id[2][HOTFIX_ID_TEXT_SIZE];
    pthread_t thread;

    (void)state;
    make_bundle(3, both, path[0], id[0]);
    make_bundle(4, both, path[1], id[1]);
    assert_int_equal(pthread_create(&thread, NULL, apply_slowly, path[0]), 0);
    while (!atomic_load(&lock_is_held))
        usleep(100);
    pid_t child = fork();
    if (child == 0)
        _exit(hotfix_apply_opt(handle, path[1], &patient, NULL) == 0 && price(10) == 40 ? 1 : 2);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    atomic_store(&let_go, true);
    pthread_join(thread, NULL);
    assert_int_equal(price(10), 30);
    must_revert(id[0]);
    assert_unpatched();
}

static void many_cycles_leak_no_descriptor(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    make_bundle(3, both, path, id);
    struct picture before = picture_take();
    /* Patches that have been put back stay mapped, and not so many are in reach everywhere. */
    int cycles = hf_arch_host.reach > 1u << 30 ? 200 : 50;
    for (int i = 0; i < cycles; i++) {
        must_apply(path);
        must_revert(id);
    }
    struct picture after = picture_take();
    assert_int_equal(after.descriptors, before.descriptors);
    assert_int_equal(after.threads, before.threads);
    free(before.maps);
    free(after.maps);
    assert_unpatched();
}

static void patched_target_stays_loaded_until_it_is_reverted(void **state)
{
    static const char source[] = "int price(int n) { volatile int v = n; v += 40; return v; }\n";
    struct fixture other;
    char path[PATH_SIZE];

    (void)state;
    fixture_setup(&other);
    fixture_compile(&other, "plugin.so", "-Wl,-soname,plugin.so", source);
    fixture_load(&other, "plugin.so");
    hf_private_key_destroy(other.key);
    other.key = fixture.key;
    fixture_bundle(&other, next_number++, price_only, with_factor(3, ""), path);
    other.key = NULL;
    int (*plugin_price)(int) = (int (*)(int))(uintptr_t)dlsym(other.target, "price");
    must_apply(path);
    hf_module_deinit(&other.module);
    assert_int_equal(dlclose(other.target), 0);
    other.target = NULL;
    assert_int_equal(plugin_price(10), 30);
    must_revert(NULL);

    struct hf_module module;
    assert_int_equal(hf_module_find(&other.build_id, &module, &fixture_error), -1);
    assert_int_equal(fixture_error.code, HOTFIX_NO_TARGET);
    fixture_teardown(&other);
}

/* A function of this very program, alone in its section so that its size is known. */
extern const uint8_t __start_victims[], __stop_victims[];

__attribute__((section("victims"), noinline)) static int victim(int n)
{
    volatile int sum = n;
    sum += 5;
    return sum;
}

static void function_of_the_main_program_is_switched(void **state)
{
    struct hf_module program;
    struct material material;
    int (*volatile call)(int) = victim;
    size_t id_size;
    char path[PATH_SIZE];

    (void)state;
    assert_int_equal(hf_module_open(dlopen(NULL, RTLD_NOW), &program, &fixture_error), 0);
    const uint8_t *id = hf_module_note(&program, ELF_NOTE_GNU, NT_GNU_BUILD_ID, &id_size);
    assert_non_null(id);
    material_make(&material, with_factor(3, ""), 0);
    material.manifest.target_build_id.size = id_size;
    memcpy(material.manifest.target_build_id.bytes, id, id_size);
    struct hf_manifest_function *function = &material.manifest.functions[0];
    function->offset = (uintptr_t)__start_victims - program.base;
    function->size = (size_t)(__stop_victims - __start_victims);
    function->detour_skip = (uint32_t)hf_arch_host.landing_pad(__start_victims, function->size);
    assert_int_equal(hf_digest_compute(__start_victims, function->size, &function->digest, &fixture_error), 0);
    free(material.manifest.functions[1].name);
    free(material.manifest.functions[1].source);
    material.manifest.function_count = 1;
    material_pack(&material, path);
    hf_module_deinit(&program);

    assert_int_equal(call(10), 15);
    must_apply(path);
    assert_int_equal(call(10), 30);
    must_revert(NULL);
    assert_int_equal(call(10), 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apply_switches_all_functions_and_revert_puts_them_back),
        cmocka_unit_test(smaller_result_is_filled_as_far_as_it_goes),
        cmocka_unit_test(function_of_the_main_program_is_switched),
        cmocka_unit_test(same_bundle_applies_once_and_again_after_a_revert),
        cmocka_unit_test(bundle_in_memory_applies),
        cmocka_unit_test(applied_bundles_are_listed_oldest_first),
        cmocka_unit_test(stacked_bundles_revert_in_any_order),
        cmocka_unit_test(function_of_an_applied_bundle_is_replaced_only_by_one_built_on_it),
        cmocka_unit_test(threads_that_call_all_the_time_see_one_version_or_the_other),
        cmocka_unit_test(applies_from_several_threads_all_happen),
        cmocka_unit_test(thread_with_the_documented_stack_applies),
        cmocka_unit_test(apply_from_inside_a_patched_function_finishes_in_the_old_code),
        cmocka_unit_test(call_from_a_log_callback_is_refused),
        cmocka_unit_test(hooks_run_around_the_switch),
        cmocka_unit_test(child_has_what_its_parent_had_applied),
        cmocka_unit_test(child_forked_during_an_apply_can_apply),
        cmocka_unit_test(patched_target_stays_loaded_until_it_is_reverted),
        cmocka_unit_test(many_cycles_leak_no_descriptor),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
