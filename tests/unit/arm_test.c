/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles for libraries that are loaded later, and targets that the program unloads, through the public API. */
#include "scenario.h"

#include <sys/wait.h>

static const char target_source[] = "int price(int n) { volatile int sum = n; sum += 1; return sum; }\n"
                                    "int tax(int n) { volatile int sum = n; sum += 2; return sum; }\n";
static const char other_source[] = "int price(int n) { volatile int sum = n; sum += 7; return sum; }\n"
                                   "int tax(int n) { volatile int sum = n; sum += 8; return sum; }\n";
static const char price_patch[] = "int price(int n) { volatile int v = n; return v + 100; }\n";
static const char tax_patch[] = "int tax(int n) { volatile int v = n; return v + 200; }\n";
static const char refusing_patch[] = "int price(int n) { volatile int v = n; return v + 300; }\n"
                                     "int hotfix_on_apply(void) { return 1; }\n";
static const char *const price_only[] = {"price", NULL};
static const char *const tax_only[] = {"tax", NULL};

static struct scenario scenario;
static char target_path[PATH_SIZE];

/* Lets go of the target, which bundles have been made of. */
static void unload_target(void)
{
    hf_module_deinit(&scenario.fixture.module);
    assert_int_equal(dlclose(scenario.fixture.target), 0);
    scenario.fixture.target = NULL;
}

static bool loaded(void)
{
    void *library = dlopen(target_path, RTLD_LAZY | RTLD_NOLOAD);
    if (library)
        dlclose(library);
    return library != NULL;
}

static int call(void *library, const char *name)
{
    void *symbol = dlsym(library, name);
    assert_non_null(symbol);
    return ((int (*)(int))(uintptr_t)symbol)(10);
}

static void must_arm(const char *path, char id[HOTFIX_ID_TEXT_SIZE])
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    if (hotfix_arm(scenario.handle, path, &patient, &result) != 0)
        fail_msg("%s", result.error.message);
    strcpy(id, result.id);
    hotfix_result_deinit(&result);
}

static void *must_load(void)
{
    void *library = hotfix_dlopen(scenario.handle, target_path, RTLD_NOW, &fixture_error);
    if (!library || fixture_error.code != HOTFIX_OK)
        fail_msg("%s", fixture_error.message);
    return library;
}

static void assert_refused(const char *path, enum hotfix_code code)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    assert_int_equal(hotfix_arm(scenario.handle, path, &patient, &result), -1);
    assert_int_equal(result.error.code, code);
    hotfix_result_deinit(&result);
}

static size_t count_armed(void)
{
    struct hotfix_armed *list;
    size_t count;
    assert_int_equal(hotfix_list_armed(scenario.handle, &list, &count, &fixture_error), 0);
    assert_true(!list || HOTFIX_NEXT(list) == list + 1);
    free(list);
    return count;
}

static size_t count_applied(void)
{
    struct hotfix_applied *list;
    size_t count;
    assert_int_equal(hotfix_list(scenario.handle, &list, &count, &fixture_error), 0);
    free(list);
    return count;
}

/* The only bundle that is armed. */
static struct hotfix_armed the_armed(void)
{
    struct hotfix_armed *list;
    size_t count;
    assert_int_equal(hotfix_list_armed(scenario.handle, &list, &count, &fixture_error), 0);
    assert_int_equal(count, 1);
    struct hotfix_armed armed = list[0];
    free(list);
    return armed;
}

static void bad_bundle_is_refused_when_it_is_armed(void **state)
{
    struct hf_manifest manifest;
    uint8_t *payload, *bundle;
    char path[PATH_SIZE];
    size_t size;

    (void)state;
    assert_refused("/nonexistent", HOTFIX_IO);
    assert_refused(NULL, HOTFIX_USAGE);
    fixture_patch(&scenario.fixture, 900, "bad.so", "", price_patch);
    fixture_manifest(&scenario.fixture, 900, "bad.so", price_only, &manifest, &payload);
    fixture_sign(&manifest, payload, NULL, &bundle, &size);
    fixture_write_bundle(&scenario.fixture, "unsigned", bundle, size, path);
    free(bundle);
    unload_target();
    assert_refused(path, HOTFIX_SIGNATURE);

    free(manifest.arch);
    manifest.arch = fixture_text(strcmp(hf_arch_host.name, "x86_64") == 0 ? "aarch64" : "x86_64");
    fixture_sign(&manifest, payload, scenario.fixture.key, &bundle, &size);
    fixture_write_bundle(&scenario.fixture, "foreign", bundle, size, path);
    free(bundle);
    assert_refused(path, HOTFIX_INCOMPATIBLE);
    hf_manifest_deinit(&manifest);
    free(payload);
    assert_int_equal(count_armed(), 0);
}

static void missing_arguments_are_refused(void **state)
{
    struct hotfix_error error = {.code = HOTFIX_OK};

    (void)state;
    assert_int_equal(hotfix_arm(NULL, "x", NULL, NULL), -1);
    assert_int_equal(hotfix_apply_armed(NULL, NULL, &error), -1);
    assert_int_equal(error.code, HOTFIX_USAGE);
    assert_null(hotfix_dlopen(NULL, target_path, RTLD_NOW, NULL));
    assert_int_equal(hotfix_list_armed(scenario.handle, NULL, NULL, &error), -1);
    assert_null(hotfix_dlopen(scenario.handle, "/nonexistent.so", RTLD_NOW, &error));
    assert_int_equal(error.code, HOTFIX_NO_TARGET);
}

static void same_bundle_is_armed_once(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    scenario_bundle(&scenario, price_only, "", price_patch, path);
    unload_target();
    must_arm(path, id);
    assert_refused(path, HOTFIX_APPLIED);
    assert_int_equal(count_armed(), 1);
    assert_int_equal(hotfix_revert(scenario.handle, id, NULL), 0);
}

static void armed_bundle_takes_effect_when_its_library_is_loaded(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    scenario_bundle(&scenario, price_only, "", price_patch, path);
    unload_target();
    must_arm(path, id);
    assert_false(loaded());
    assert_int_equal(count_applied(), 0);
    struct hotfix_armed armed = the_armed();
    assert_string_equal(armed.id, id);
    assert_string_equal(armed.target, "target.so");
    assert_int_equal(armed.error.code, HOTFIX_OK);
    assert_int_equal(unlink(path), 0); /* a copy was kept */

    void *library = must_load();
    assert_int_equal(call(library, "price"), 110);
    assert_int_equal(call(library, "tax"), 12);
    assert_int_equal(count_armed(), 0);
    assert_int_equal(count_applied(), 1);
    assert_int_equal(hotfix_revert_opt(scenario.handle, id, &patient, NULL), 0);
    assert_int_equal(call(library, "price"), 11);
    dlclose(library);
}

static void library_that_the_program_loads_is_patched_when_it_says_so(void **state)
{
    char path[PATH_SIZE], id[2][HOTFIX_ID_TEXT_SIZE];
    size_t count = 9;

    (void)state;
    scenario_bundle(&scenario, price_only, "", price_patch, path);
    char second[PATH_SIZE];
    scenario_bundle(&scenario, tax_only, "", tax_patch, second);
    unload_target();
    must_arm(path, id[0]);
    must_arm(second, id[1]);
    assert_int_equal(hotfix_apply_armed(scenario.handle, &count, &fixture_error), 0);
    assert_int_equal(count, 0);

    void *library = dlopen(target_path, RTLD_NOW);
    assert_int_equal(call(library, "price"), 11);
    if (hotfix_apply_armed(scenario.handle, &count, &fixture_error) != 0)
        fail_msg("%s", fixture_error.message);
    assert_int_equal(count, 2);
    assert_int_equal(call(library, "price"), 110);
    assert_int_equal(call(library, "tax"), 210);
    assert_true(scenario_revert(&scenario) && scenario_revert(&scenario));
    dlclose(library);
}

static void bundle_whose_library_is_loaded_is_applied_at_once(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    scenario_bundle(&scenario, price_only, "", price_patch, path);
    must_arm(path, id);
    assert_int_equal(count_armed(), 0);
    assert_int_equal(call(scenario.fixture.target, "price"), 110);
    assert_refused(path, HOTFIX_APPLIED);
    assert_true(scenario_revert(&scenario));
}

static void disarmed_bundle_takes_no_effect(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    scenario_bundle(&scenario, price_only, "", price_patch, path);
    unload_target();
    must_arm(path, id);
    assert_int_equal(hotfix_revert(scenario.handle, NULL, &result), -1); /* the one applied last: there is none */
    assert_int_equal(hotfix_revert(scenario.handle, id, &result), 0);
    assert_string_equal(result.id, id);
    assert_int_equal(count_armed(), 0);
    assert_int_equal(hotfix_revert(scenario.handle, id, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_NOT_APPLIED);
    void *library = must_load();
    assert_int_equal(call(library, "price"), 11);
    dlclose(library);
    hotfix_result_deinit(&result);
}

static void armed_bundle_that_is_applied_directly_is_armed_no_more(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    scenario_bundle(&scenario, price_only, "", price_patch, path);
    unload_target();
    must_arm(path, id);
    void *library = dlopen(target_path, RTLD_NOW);
    assert_true(scenario_apply(&scenario, path));
    assert_int_equal(count_armed(), 0);
    assert_true(scenario_revert(&scenario));
    dlclose(library);
}

static unsigned errors_logged;

static void count_errors(enum hotfix_log_level level, const char *text, void *arg)
{
    (void)text;
    (void)arg;
    errors_logged += level == HOTFIX_LOG_ERROR;
}

static struct hotfix *open_with(hotfix_log_fn log)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix *handle;
    options.trust = scenario.fixture.trust;
    options.log = log;
    assert_int_equal(hotfix_open(&options, &handle, &fixture_error), 0);
    return handle;
}

static void other_build_of_the_library_leaves_the_bundle_armed_and_is_logged_once(void **state)
{
    char path[PATH_SIZE], other[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];
    size_t count;

    (void)state;
    scenario_bundle(&scenario, price_only, "", price_patch, path);
    unload_target();
    snprintf(other, sizeof(other), "%s/other", scenario.fixture.dir);
    assert_int_equal(mkdir(other, 0700), 0);
    fixture_compile(&scenario.fixture, "other/target.so", "", other_source);
    strcat(other, "/target.so");
    must_arm(path, id);

    struct hotfix *handle = open_with(count_errors);
    errors_logged = 0;
    void *wrong = hotfix_dlopen(handle, other, RTLD_NOW, &fixture_error);
    assert_non_null(wrong);
    assert_int_equal(fixture_error.code, HOTFIX_OK);
    assert_int_equal(call(wrong, "price"), 17);
    assert_int_equal(hotfix_apply_armed(handle, &count, &fixture_error), 0);
    assert_int_equal(count, 0);
    assert_int_equal(errors_logged, 1);
    assert_int_equal(the_armed().error.code, HOTFIX_NO_TARGET);

    void *library = must_load();
    assert_int_equal(call(library, "price"), 110);
    assert_int_equal(call(wrong, "price"), 17);
    assert_int_equal(count_armed(), 0);
    assert_true(scenario_revert(&scenario));
    dlclose(wrong);
    dlclose(library);
    hotfix_close(handle);
}

static void failure_at_load_time_is_told_and_stops_no_other_bundle(void **state)
{
    char bad[PATH_SIZE], good[PATH_SIZE], id[2][HOTFIX_ID_TEXT_SIZE];

    (void)state;
    scenario_bundle(&scenario, price_only, "", refusing_patch, bad);
    scenario_bundle(&scenario, tax_only, "", tax_patch, good);
    unload_target();
    must_arm(bad, id[0]);
    must_arm(good, id[1]);

    struct hotfix *handle = open_with(count_errors);
    errors_logged = 0;
    void *library = hotfix_dlopen(handle, target_path, RTLD_NOW, &fixture_error);
    assert_non_null(library);
    assert_int_equal(fixture_error.code, HOTFIX_STAGE);
    assert_non_null(strstr(fixture_error.message, "armed bundle fix-"));
    assert_int_equal(errors_logged, 1);
    assert_int_equal(call(library, "price"), 11);
    assert_int_equal(call(library, "tax"), 210);
    struct hotfix_armed armed = the_armed();
    assert_string_equal(armed.id, id[0]);
    assert_int_equal(armed.error.code, HOTFIX_STAGE);
    assert_int_equal(hotfix_revert(handle, id[0], NULL), 0);
    assert_true(scenario_revert(&scenario));
    dlclose(library);
    hotfix_close(handle);
}

static void child_has_what_its_parent_had_armed(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    scenario_bundle(&scenario, price_only, "", price_patch, path);
    unload_target();
    must_arm(path, id);
    pid_t child = fork();
    if (child == 0) {
        void *library = hotfix_dlopen(scenario.handle, target_path, RTLD_NOW, NULL);
        _exit(library && call(library, "price") == 110 ? 1 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_int_equal(count_armed(), 1);
    assert_int_equal(hotfix_revert(scenario.handle, id, NULL), 0);
}

static void unload_in_the_middle(enum hotfix_log_level level, const char *text, void *arg)
{
    (void)level;
    (void)arg;
    if (strncmp(text, "patch staged", strlen("patch staged")) == 0)
        unload_target();
}

static void target_unloaded_during_its_apply_goes_with_the_revert(void **state)
{
    char path[PATH_SIZE];
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    scenario_bundle(&scenario, price_only, "", price_patch, path);
    int (*price)(int) = (int (*)(int))(uintptr_t)dlsym(scenario.fixture.target, "price");
    struct hotfix *handle = open_with(unload_in_the_middle);
    if (hotfix_apply_opt(handle, path, &patient, &result) != 0)
        fail_msg("%s", result.error.message);
    assert_null(scenario.fixture.target);
    assert_true(loaded());
    assert_int_equal(price(10), 110);
    assert_true(scenario_revert(&scenario));
    assert_false(loaded());
    hotfix_result_deinit(&result);
    hotfix_close(handle);
}

static void target_unloaded_while_patched_can_be_loaded_again_before_and_after_the_revert(void **state)
{
    char path[PATH_SIZE];

    (void)state;
    scenario_bundle(&scenario, price_only, "", price_patch, path);
    assert_true(scenario_apply(&scenario, path));
    unload_target();
    void *library = dlopen(target_path, RTLD_NOW);
    assert_int_equal(call(library, "price"), 110);
    dlclose(library);
    assert_true(scenario_revert(&scenario));
    assert_false(loaded());
    library = dlopen(target_path, RTLD_NOW);
    assert_int_equal(call(library, "price"), 11);
    dlclose(library);
}

static int setup(void **state)
{
    (void)state;
    scenario_open(&scenario, "", target_source);
    snprintf(target_path, sizeof(target_path), "%s/target.so", scenario.fixture.dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scenario_close(&scenario);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bad_bundle_is_refused_when_it_is_armed),
        TEST(missing_arguments_are_refused),
        TEST(same_bundle_is_armed_once),
        TEST(armed_bundle_takes_effect_when_its_library_is_loaded),
        TEST(library_that_the_program_loads_is_patched_when_it_says_so),
        TEST(bundle_whose_library_is_loaded_is_applied_at_once),
        TEST(disarmed_bundle_takes_no_effect),
        TEST(armed_bundle_that_is_applied_directly_is_armed_no_more),
        TEST(other_build_of_the_library_leaves_the_bundle_armed_and_is_logged_once),
        TEST(failure_at_load_time_is_told_and_stops_no_other_bundle),
        TEST(child_has_what_its_parent_had_armed),
        TEST(target_unloaded_during_its_apply_goes_with_the_revert),
        TEST(target_unloaded_while_patched_can_be_loaded_again_before_and_after_the_revert),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
