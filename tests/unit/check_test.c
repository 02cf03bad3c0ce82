/* SPDX-License-Identifier: Apache-2.0 */
/* Waivers: which findings they accept, and what is left to refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "cleanup.h"

#define LONG_AGO INT64_C(1000000000)

static char fee_name[] = "fee", total_name[] = "total", source_name[] = "src/shop.c";
static struct hf_function fee = {.name = fee_name, .source = source_name};
static struct hf_function total = {.name = total_name, .source = source_name};
static const struct hf_pair fee_pair = {&fee, &fee};
static const struct hf_pair total_pair = {&total, &total};

/* Results as a run leaves them, of which all but `check` have nothing to say. */
static struct hf_check_result *make_results(const struct hf_check *check, struct hf_check_result **result)
{
    struct hf_check_result *results = calloc(hf_check_count + 1, sizeof(*results));

    assert_non_null(results);
    for (size_t i = 0; i < hf_check_count; i++) {
        results[i].check = hf_checks[i];
        if (hf_checks[i] == check)
            *result = &results[i];
    }
    return results;
}

static void add(struct hf_check_result *result, enum hf_verdict verdict, const struct hf_pair *pair, const char *what)
{
    hf_findings_add(&result->findings, verdict, pair, NULL, "%s", what);
    if (verdict != HF_COMPATIBLE && result->verdict != HF_INCOMPATIBLE)
        result->verdict = verdict;
}

static void nothing_accepts_what_a_check_rules_out(void **state)
{
    (void)state;
    const struct hf_waiver waivers[] = {{&hf_check_machine, NULL, "any", HF_TIME_NEVER},
                                        {&hf_check_optimisation, NULL, "one Makefile", HF_TIME_NEVER}};
    struct hf_check_result *machine = NULL, *flags = NULL;
    struct hf_check_result *results = make_results(&hf_check_machine, &machine);

    add(machine, HF_UNPROVEN, NULL, "unknown");
    hf_check_accept(machine, waivers, 2);
    assert_null(machine->findings.items[0].waiver);
    hf_check_results_destroy(results);

    results = make_results(&hf_check_optimisation, &flags);
    add(flags, HF_UNPROVEN, &fee_pair, "not recorded");
    add(flags, HF_INCOMPATIBLE, &total_pair, "-O2 and -O1");
    hf_check_accept(flags, waivers, 2);
    assert_non_null(flags->findings.items[0].waiver);
    assert_null(flags->findings.items[1].waiver);
    assert_false(hf_check_accepted(flags));
    assert_int_equal(hf_checks_refused(results), 1);
    struct hotfix_error error;
    assert_int_equal(hf_checks_judge(results, &error), -1);
    assert_int_equal(error.code, HOTFIX_INCOMPATIBLE);
    assert_string_equal(error.message, "incompatible: optimisation: total (shop.c): -O2 and -O1");
    hf_check_results_destroy(results);
}

static void an_expired_waiver_accepts_nothing(void **state)
{
    (void)state;
    const struct hf_waiver past = {&hf_check_optimisation, NULL, "old", LONG_AGO};
    struct hf_check_result *flags = NULL;
    struct hf_check_result *results = make_results(&hf_check_optimisation, &flags);

    assert_true(hf_waiver_expired(&past));
    add(flags, HF_UNPROVEN, &fee_pair, "not recorded");
    hf_check_accept(flags, &past, 1);
    assert_true(hf_finding_refuses(&flags->findings.items[0]));
    hf_check_results_destroy(results);
}

static void a_scope_names_functions(void **state)
{
    (void)state;
    const struct hf_waiver scoped = {&hf_check_optimisation, "f*", "fees only", HF_TIME_NEVER};
    struct hf_check_result *flags = NULL;
    struct hf_check_result *results = make_results(&hf_check_optimisation, &flags);

    add(flags, HF_UNPROVEN, NULL, "the files");
    add(flags, HF_UNPROVEN, &total_pair, "not recorded");
    add(flags, HF_UNPROVEN, &fee_pair, "not recorded");
    hf_check_accept(flags, &scoped, 1);
    assert_null(flags->findings.items[0].waiver);
    assert_null(flags->findings.items[1].waiver);
    assert_ptr_equal(flags->findings.items[2].waiver, &scoped);
    assert_int_equal(hf_checks_refused(results), 2);
    hf_check_results_destroy(results);
}

static void a_check_is_accepted_when_each_finding_is(void **state)
{
    (void)state;
    const struct hf_waiver waivers[] = {{&hf_check_optimisation, "fee", "one Makefile", HF_TIME_NEVER},
                                        {&hf_check_optimisation, "total", "one Makefile", HF_TIME_NEVER},
                                        {&hf_check_inline, NULL, "of another check", HF_TIME_NEVER},
                                        {&hf_check_optimisation, NULL, "looked at", HF_TIME_NEVER}};
    struct hf_check_result *flags = NULL;
    struct hf_check_result *results = make_results(&hf_check_optimisation, &flags);

    add(flags, HF_COMPATIBLE, &fee_pair, "same");
    assert_false(hf_check_accepted(flags));
    add(flags, HF_UNPROVEN, &fee_pair, "not recorded");
    add(flags, HF_UNPROVEN, &total_pair, "not recorded");
    add(flags, HF_UNPROVEN, NULL, "the files");
    hf_check_accept(flags, waivers, 3);
    assert_false(hf_check_accepted(flags));
    assert_int_equal(hf_checks_refused(results), 1);
    HF_FREE char *once = hf_check_reasons(flags);
    assert_string_equal(once, "one Makefile");

    add(flags, HF_UNPROVEN, &fee_pair, "again");
    hf_check_accept(flags, waivers + 3, 1);
    assert_true(hf_check_accepted(flags));
    assert_null(flags->findings.items[0].waiver);
    assert_int_equal(hf_checks_judge(results, NULL), 0);
    HF_FREE char *reasons = hf_check_reasons(flags);
    assert_string_equal(reasons, "looked at");
    HF_FREE char *evidence = hf_check_evidence(flags);
    assert_string_equal(evidence, "fee (shop.c): not recorded; total (shop.c): not recorded; the files; "
                                  "fee (shop.c): again");
    hf_check_results_destroy(results);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_accepts_what_a_check_rules_out),
        cmocka_unit_test(an_expired_waiver_accepts_nothing),
        cmocka_unit_test(a_scope_names_functions),
        cmocka_unit_test(a_check_is_accepted_when_each_finding_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
