/* SPDX-License-Identifier: Apache-2.0 */
/* Cumulative bundles: the applied ones that they supersede go in the same stop, or nothing does. */
#include "apply_fixture.h"
#include "sanitized.h"

static const char *const tax_only[] = {"tax", NULL};

struct made {
    char path[PATH_SIZE];
    char id[HOTFIX_ID_TEXT_SIZE];
    uint8_t bytes[HF_ID_SIZE];
};

/* A bundle of a compiled patch, which supersedes up to two others. */
static void pack_as(struct made *made, unsigned number, const char *patch, const char *const *functions,
                    const struct made *older, const struct made *oldest)
{
    const struct made *superseded[] = {older, oldest};
    struct material material = {.key = fixture.key};
    struct hf_manifest *manifest = &material.manifest;
    char path[PATH_SIZE];

    fixture_manifest(&fixture, number, patch, functions, manifest, &material.payload);
    manifest->supersedes.items = calloc(2, HF_ID_SIZE);
    assert_non_null(manifest->supersedes.items);
    for (size_t i = 0; i < 2; i++)
        if (superseded[i])
            memcpy(manifest->supersedes.items[manifest->supersedes.count++], superseded[i]->bytes, HF_ID_SIZE);
    memcpy(made->bytes, manifest->id, HF_ID_SIZE);
    hf_hex_encode(made->bytes, HF_ID_SIZE, made->id);
    material_pack(&material, path);
    snprintf(made->path, sizeof(made->path), "%s/%s", fixture.dir, made->id);
    assert_int_equal(rename(path, made->path), 0);
}

/* Its functions are those of with_factor(). */
static void make(struct made *made, int factor, const char *const *functions, const char *more,
                 const struct made *older, const struct made *oldest)
{
    unsigned number = next_number++;
    char name[32];

    snprintf(name, sizeof(name), "patch-%u.so", number);
    fixture_patch(&fixture, number, name, "", with_factor(factor, more));
    pack_as(made, number, name, functions, older, oldest);
}

static void make_plain(struct made *made, int factor, const char *const *functions)
{
    make(made, factor, functions, "", NULL, NULL);
}

static void assert_listed(const struct made *first, const struct made *second)
{
    const struct made *expected[] = {first, second};
    struct hotfix_applied *list;
    size_t count;

    assert_int_equal(hotfix_list(handle, &list, &count, NULL), 0);
    assert_int_equal(count, (first != NULL) + (second != NULL));
    for (size_t i = 0; i < count; i++)
        assert_string_equal(list[i].id, expected[i]->id);
    free(list);
}

static void assert_not_applied(const struct made *made)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    assert_int_equal(hotfix_revert(handle, made->id, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_NOT_APPLIED);
    hotfix_result_deinit(&result);
}

/* A patcher that writes down what it is called for, and can fail at one of its calls. */
struct script {
    char calls[512];
    const char *fail; /* NULL: never */
};
static struct script script;

static int note(const char *call, const struct hotfix_request *request)
{
    size_t used = strlen(script.calls);

    snprintf(script.calls + used, sizeof(script.calls) - used, "%s:", call);
    for (size_t i = 0; i < request->function_count; i++)
        strcat(script.calls, request->functions[i].name);
    strcat(script.calls, " ");
    return script.fail && strcmp(script.fail, call) == 0 ? -1 : 0;
}

static int scripted_prepare(const struct hotfix_request *request, void *arg, void **state, struct hotfix_error *error)
{
    if (note("prepare", request) != 0)
        return -1;
    return hotfix_builtin_patcher()->prepare(request, arg, state, error);
}

static int scripted_apply(const struct hotfix_request *request, void *arg, void *state, struct hotfix_error *error)
{
    if (note("apply", request) != 0)
        return -1;
    return hotfix_builtin_patcher()->apply(request, arg, state, error);
}

static int scripted_revert(const struct hotfix_request *request, void *arg, void *state, struct hotfix_error *error)
{
    if (note("revert", request) != 0)
        return -1;
    return hotfix_builtin_patcher()->revert(request, arg, state, error);
}

static void scripted_finish(const struct hotfix_request *request, void *arg, void *state)
{
    note("finish", request);
    hotfix_builtin_patcher()->finish(request, arg, state);
}

static const struct hotfix_patcher scripted = {sizeof(scripted), "scripted",      NULL,           scripted_prepare,
                                               scripted_apply,   scripted_revert, scripted_finish};
static const struct hotfix_apply_options by_script = {
    .size = sizeof(by_script), .patcher = &scripted, .deadline_ns = 10000000000u};

static void script_reset(const char *fail)
{
    script = (struct script){.fail = fail};
}

static void bundle_of_another_patcher_is_not_superseded(void **state)
{
    struct made older, newer;
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_plain(&older, 3, tax_only);
    make(&newer, 4, price_only, "", &older, NULL);
    script_reset(NULL);
    assert_int_equal(hotfix_apply_opt(handle, older.path, &by_script, NULL), 0);
    assert_int_equal(hotfix_apply_opt(handle, newer.path, &patient, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_PATCHER);
    assert_non_null(strstr(result.error.message, "which this one supersedes, was applied through another patcher "
                                                 "(scripted); revert that first"));
    assert_int_equal(result.superseded_count, 0);
    hotfix_result_deinit(&result);
    assert_listed(&older, NULL);
    assert_int_equal(tax(10), 13);
    must_revert(older.id);
    assert_unpatched();
}

/* Whichever call fails, both older bundles stay applied, and the patcher was asked to undo what it had done. */
static void failure_in_the_middle_leaves_the_older_bundles(void **state)
{
    static const struct {
        const char *fail;
        const char *calls;
    } cases[] = {
        {"prepare", "prepare:tax "},
        {"revert", "prepare:tax prepare:price revert:tax finish:price finish:tax "},
        {"apply", "prepare:tax prepare:price revert:tax apply:price apply:tax finish:price finish:tax "},
    };
    struct made older, newer;
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_plain(&older, 3, both);
    make(&newer, 4, price_only, "", &older, NULL);
    script_reset(NULL);
    assert_int_equal(hotfix_apply_opt(handle, older.path, &by_script, NULL), 0);
    struct picture picture = picture_take();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        script_reset(cases[i].fail);
        assert_int_equal(hotfix_apply_opt(handle, newer.path, &by_script, &result), -1);
        assert_int_equal(result.error.code, HOTFIX_PATCHER);
        assert_string_equal(script.calls, cases[i].calls);
        assert_null(result.superseded);
        assert_listed(&older, NULL);
        assert_int_equal(price(10), 30);
        assert_int_equal(tax(10), 13);
    }
    hotfix_result_deinit(&result);
    picture_assert_same(&picture);
    script_reset(NULL);
    assert_int_equal(hotfix_apply_opt(handle, newer.path, &by_script, NULL), 0);
    assert_string_equal(script.calls, "prepare:tax prepare:price revert:tax apply:price finish:price finish:tax ");
    assert_int_equal(price(10), 40);
    assert_int_equal(tax(10), 11);
    must_revert(newer.id);
    assert_unpatched();
}

static void refusing_hook_leaves_the_older_bundle(void **state)
{
    struct made older, newer;
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_plain(&older, 3, both);
    make(&newer, 4, price_only, "int hotfix_on_apply(void) { return 7; }\n", &older, NULL);
    must_apply(older.path);
    assert_int_equal(hotfix_apply_opt(handle, newer.path, &patient, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_STAGE);
    hotfix_result_deinit(&result);
    assert_listed(&older, NULL);
    assert_int_equal(price(10), 30);
    assert_int_equal(tax(10), 13);
    must_revert(older.id);
    assert_unpatched();
}

static void superseding_what_is_not_applied_is_a_plain_apply(void **state)
{
    struct made older, newer;
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_plain(&older, 3, both);
    make(&newer, 4, both, "", &older, NULL);
    assert_int_equal(hotfix_apply_opt(handle, newer.path, &patient, &result), 0);
    assert_int_equal(result.superseded_count, 0);
    assert_null(result.superseded);
    hotfix_result_deinit(&result);
    assert_listed(&newer, NULL);
    must_revert(newer.id);
    assert_unpatched();
}

static void newer_with_the_same_functions_is_alone_afterwards(void **state)
{
    struct made older, newer;
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_plain(&older, 3, both);
    make(&newer, 4, both, "", &older, NULL);
    must_apply(older.path);
    assert_int_equal(hotfix_apply_opt(handle, newer.path, &patient, &result), 0);
    assert_int_equal(result.superseded_count, 1);
    assert_string_equal(result.superseded[0].id, older.id);
    assert_int_equal(result.superseded[0].function_count, 2);
    assert_non_null(strstr(result.log, "superseded fix-"));
    assert_non_null(strstr(result.log, older.id));
    hotfix_result_deinit(&result);
    assert_listed(&newer, NULL);
    assert_not_applied(&older);
    assert_int_equal(price(10), 40);
    assert_int_equal(tax(10), 14);
    must_revert(newer.id);
    assert_listed(NULL, NULL);
    assert_unpatched();
    must_apply(older.path);
    must_revert(older.id);
    assert_unpatched();
}

static void function_that_the_newer_lacks_goes_back(void **state)
{
    struct made older, newer;

    (void)state;
    make_plain(&older, 3, both);
    make(&newer, 4, price_only, "", &older, NULL);
    must_apply(older.path);
    must_apply(newer.path);
    assert_listed(&newer, NULL);
    assert_int_equal(price(10), 40);
    assert_int_equal(tax(10), 11);
    must_revert(newer.id);
    assert_unpatched();
}

static void function_goes_back_to_the_newest_bundle_that_remains(void **state)
{
    struct made remaining, older, newer;

    (void)state;
    make_plain(&remaining, 3, both);
    make_plain(&older, 4, both);
    make(&newer, 5, price_only, "", &older, NULL);
    must_apply(remaining.path);
    must_apply(older.path);
    must_apply(newer.path);
    assert_listed(&remaining, &newer);
    assert_int_equal(price(10), 50);
    assert_int_equal(tax(10), 13);
    must_revert(newer.id);
    assert_int_equal(price(10), 30);
    must_revert(remaining.id);
    assert_unpatched();
}

static void the_middle_of_three_is_superseded_under_a_newer_one(void **state)
{
    struct made first, middle, last, newer;

    (void)state;
    make_plain(&first, 3, price_only);
    make_plain(&middle, 4, both);
    make_plain(&last, 5, tax_only);
    make(&newer, 6, order_only, "", &middle, NULL);
    must_apply(first.path);
    must_apply(middle.path);
    must_apply(last.path);
    must_apply(newer.path);
    assert_not_applied(&middle);
    assert_int_equal(price(10), 30);
    assert_int_equal(tax(10), 15);
    assert_int_equal(order(10), -4);
    must_revert(last.id);
    assert_int_equal(tax(10), 11);
    must_revert(first.id);
    must_revert(newer.id);
    assert_int_equal(order(10), 11);
    assert_unpatched();
}

static void two_are_superseded_at_once_newest_first(void **state)
{
    struct made oldest, older, newer;
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    (void)state;
    make_plain(&oldest, 3, both);
    make_plain(&older, 4, both);
    make(&newer, 5, order_only, "", &oldest, &older);
    must_apply(oldest.path);
    must_apply(older.path);
    assert_int_equal(hotfix_apply_opt(handle, newer.path, &patient, &result), 0);
    assert_int_equal(result.superseded_count, 2);
    assert_string_equal(result.superseded[0].id, older.id);
    assert_string_equal(result.superseded[1].id, oldest.id);
    hotfix_result_deinit(&result);
    assert_listed(&newer, NULL);
    assert_unpatched();
    must_revert(newer.id);
    assert_int_equal(order(10), 11);
}

static void hook_of_the_superseded_runs_after_the_switch(void **state)
{
    struct made older, newer;
    char hook[256];

    (void)state;
    setenv("HOTFIX_SUPERSEDE_TEST", "before", 1);
    snprintf(hook, sizeof(hook),
             "#include <stdlib.h>\n"
             "void hotfix_on_revert(void) { setenv(\"HOTFIX_SUPERSEDE_TEST\", ((int (*)(int))%#llx)(10) == 40 ? "
             "\"switched\" : \"early\", 1); }\n",
             (unsigned long long)(uintptr_t)price);
    make(&older, 3, both, hook, NULL, NULL);
    make(&newer, 4, both, "", &older, NULL);
    must_apply(older.path);
    must_apply(newer.path);
    assert_string_equal(getenv("HOTFIX_SUPERSEDE_TEST"), "switched");
    must_revert(newer.id);
    unsetenv("HOTFIX_SUPERSEDE_TEST");
}

static void code_of_the_superseded_is_unloaded_when_asked(void **state)
{
    struct hotfix_apply_options options = patient;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct made older, newer;

    (void)state;
    options.unload = HOTFIX_UNLOAD;
    make_plain(&older, 3, both);
    make(&newer, 4, price_only, "", &older, NULL);
    must_apply(older.path);
    assert_int_equal(hotfix_apply_opt(handle, newer.path, &options, &result), 0);
    /* AddressSanitizer has more mapped than is searched for pointers. */
    if (!strstr(result.log, SANITIZED ? "too much to look for pointers in" : " is unloaded\n"))
        fail_msg("%s", result.log);
    hotfix_result_deinit(&result);
    assert_int_equal(price(10), 40);
    must_revert(newer.id);
    assert_unpatched();
}

static struct made inside;
static struct hotfix_result inside_result = HOTFIX_RESULT_INIT;
static int inside_status;

static void apply_quiescent(void)
{
    struct hotfix_apply_options options = HOTFIX_APPLY_OPTIONS_INIT;

    set_hook(NULL);
    options.quiescence = HOTFIX_QUIESCENT;
    inside_status = hotfix_apply_opt(handle, inside.path, &options, &inside_result);
}

/* The superseded version of tax() applies the new bundle, which does not replace tax(). */
static void quiescence_covers_functions_that_only_the_superseded_has(void **state)
{
    struct made older;
    char source[512];
    unsigned number = next_number++;

    (void)state;
    snprintf(source, sizeof(source),
             "int tax(int n) { volatile int v = n; ((void (*)(void))%#llx)(); return v + 5; }\n",
             (unsigned long long)(uintptr_t)apply_quiescent);
    fixture_patch(&fixture, number, "telling.so", "", source);
    pack_as(&older, number, "telling.so", tax_only, NULL, NULL);
    must_apply(older.path);
    make(&inside, 4, price_only, "", &older, NULL);
    assert_int_equal(tax(10), 15);
    assert_int_equal(inside_status, -1);
    assert_int_equal(inside_result.error.code, HOTFIX_BUSY);
    assert_non_null(strstr(inside_result.error.message, "tax"));
    assert_listed(&older, NULL);
    assert_int_equal(hotfix_apply_opt(handle, inside.path, &patient, &inside_result), 0);
    hotfix_result_deinit(&inside_result);
    assert_int_equal(tax(10), 11);
    must_revert(inside.id);
    assert_unpatched();
}

static void refuse_old(const struct made *made)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    assert_int_equal(hotfix_apply(handle, made->path, &result), -1);
    assert_int_equal(result.error.code, HOTFIX_REPLAYED);
    assert_non_null(strstr(result.error.message, "which supersedes it, is applied; revert that first"));
    hotfix_result_deinit(&result);
    assert_int_equal(hotfix_arm(handle, made->path, &patient, NULL), -1);
}

static void what_an_applied_bundle_superseded_does_not_come_back_over_it(void **state)
{
    struct made first, second, third, other;

    (void)state;
    make_plain(&first, 3, both);
    make(&second, 4, both, "", &first, NULL);
    make(&third, 5, both, "", &second, NULL);
    make_plain(&other, 6, price_only);
    must_apply(first.path);
    must_apply(second.path);
    refuse_old(&first);
    must_apply(third.path);
    refuse_old(&second);
    refuse_old(&first); /* though the third one does not name it */
    must_apply(other.path);
    refuse_old(&first);
    must_revert(other.id);
    assert_int_equal(price(10), 50);
    must_revert(third.id);
    assert_unpatched();
    must_apply(first.path);
    must_revert(first.id);
    /* Nor over one that would have taken its place, had it been there. */
    must_apply(third.path);
    refuse_old(&second);
    must_apply(first.path);
    must_revert(first.id);
    must_revert(third.id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bundle_of_another_patcher_is_not_superseded),
        cmocka_unit_test(failure_in_the_middle_leaves_the_older_bundles),
        cmocka_unit_test(refusing_hook_leaves_the_older_bundle),
        cmocka_unit_test(superseding_what_is_not_applied_is_a_plain_apply),
        cmocka_unit_test(newer_with_the_same_functions_is_alone_afterwards),
        cmocka_unit_test(function_that_the_newer_lacks_goes_back),
        cmocka_unit_test(function_goes_back_to_the_newest_bundle_that_remains),
        cmocka_unit_test(the_middle_of_three_is_superseded_under_a_newer_one),
        cmocka_unit_test(two_are_superseded_at_once_newest_first),
        cmocka_unit_test(hook_of_the_superseded_runs_after_the_switch),
        cmocka_unit_test(code_of_the_superseded_is_unloaded_when_asked),
        cmocka_unit_test(quiescence_covers_functions_that_only_the_superseded_has),
        cmocka_unit_test(what_an_applied_bundle_superseded_does_not_come_back_over_it),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
