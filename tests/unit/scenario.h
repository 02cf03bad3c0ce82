/* SPDX-License-Identifier: Apache-2.0 */
/* A target compiled for one scenario, a patch of it, and both ways through the public API. */
#ifndef HF_TESTS_SCENARIO_H
#define HF_TESTS_SCENARIO_H

#include "loader_fixture.h"

struct scenario {
    struct fixture fixture;
    struct hotfix *handle;
};

/* A machine under load does not decide a test. */
static const struct hotfix_apply_options patient = {
    .size = sizeof(patient), .quiescence = HOTFIX_IMMEDIATE, .deadline_ns = 30000000000u};

/* Loads a target compiled with these flags. Nothing is inlined, neither there nor in patches. */
FIXTURE void scenario_open(struct scenario *scenario, const char *flags, const char *source)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    char all[PATH_SIZE];

    fixture_setup(&scenario->fixture);
    snprintf(all, sizeof(all), "-fno-inline %s", flags);
    fixture_compile(&scenario->fixture, "target.so", all, source);
    fixture_load(&scenario->fixture, "target.so");
    options.trust = scenario->fixture.trust;
    if (hotfix_open(&options, &scenario->handle, &fixture_error) != 0)
        fail_msg("%s", fixture_error.message);
}

FIXTURE void scenario_close(struct scenario *scenario)
{
    hotfix_close(scenario->handle);
    fixture_teardown(&scenario->fixture);
}

/* A bundle, with an id of its own, of a patch compiled with these flags; functions ends with NULL. */
FIXTURE void scenario_bundle(const struct scenario *scenario, const char *const *functions, const char *flags,
                             const char *source, char path[PATH_SIZE])
{
    static unsigned number = 1;
    char all[PATH_SIZE];

    snprintf(all, sizeof(all), "-fno-inline %s", flags);
    fixture_bundle_with(&scenario->fixture, number++, functions, all, source, path);
}

FIXTURE void *scenario_symbol(const struct scenario *scenario, const char *name)
{
    void *symbol = dlsym(scenario->fixture.target, name);
    assert_non_null(symbol);
    return symbol;
}

/* Both return whether it worked, and say why not: they are for children of the test, too. */
FIXTURE bool scenario_apply(const struct scenario *scenario, const char *path)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    int status = hotfix_apply_opt(scenario->handle, path, &patient, &result);

    if (status != 0)
        fprintf(stderr, "%s\n", result.error.message);
    hotfix_result_deinit(&result);
    return status == 0;
}

/* The bundle applied last. */
FIXTURE bool scenario_revert(const struct scenario *scenario)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    int status = hotfix_revert_opt(scenario->handle, NULL, &patient, &result);

    if (status != 0)
        fprintf(stderr, "%s\n", result.error.message);
    hotfix_result_deinit(&result);
    return status == 0;
}

#endif
