/* SPDX-License-Identifier: Apache-2.0 */
/* Waiver files: what they may say, and what becomes of a waiver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/waivers.h"
#include "cleanup.h"

#define GOOD                                                                                                           \
    "[waiver.one]\n"                                                                                                   \
    "check = optimisation\n"                                                                                           \
    "scope = f*\n"                                                                                                     \
    "reason = one Makefile\n"                                                                                          \
    "expires = 2999-12-31\n"

static void refuse(const char *text, const char *message)
{
    struct hf_waivers waivers;
    struct hotfix_error error;

    assert_int_equal(hf_waivers_parse("p.ini", text, strlen(text), &waivers, &error), -1);
    assert_int_equal(error.code, HOTFIX_FORMAT);
    assert_string_equal(error.message, message);
}

static void what_is_no_waiver_is_named_with_its_line(void **state)
{
    (void)state;
    refuse("", "p.ini: is empty");
    refuse("# why\n", "p.ini line 1: a comment, which this format does not have; take it out");
    refuse("[other]\ncheck = optimisation\n",
           "p.ini line 1: section [other] is unknown: only [waiver.NAME] may stand here");
    refuse("[waiver.]\ncheck = optimisation\n",
           "p.ini line 1: section [waiver.] is unknown: only [waiver.NAME] may stand here");
    refuse(GOOD "\n" GOOD, "p.ini line 7: section [waiver.one] stands in line 1 already");
    refuse("[waiver.one]\nchek = flags\n", "p.ini line 2: unknown key 'chek': check, scope, reason or expires");
    refuse("[waiver.one]\ncheck = optimisation\ncheck = inline\n", "p.ini line 3: repeated key check");
}

static void a_check_that_is_none_or_never_accepted_is_refused(void **state)
{
    (void)state;
    refuse("[waiver.one]\ncheck = flag\nreason = r\nexpires = 2999-12-31\n",
           "p.ini line 2: there is no check 'flag' ('hotfix check --list' lists them)");
    refuse("[waiver.one]\ncheck = machine\nreason = r\nexpires = 2999-12-31\n",
           "p.ini line 2: what check 'machine' finds may never be accepted");
}

static void check_reason_and_expiry_must_be_there(void **state)
{
    (void)state;
    refuse("[waiver.one]\nreason = r\nexpires = 2999-12-31\n",
           "p.ini line 1: section [waiver.one] lacks the key check");
    refuse("[waiver.one]\ncheck = optimisation\nexpires = 2999-12-31\n",
           "p.ini line 1: section [waiver.one] lacks the key reason");
    refuse("[waiver.one]\ncheck = optimisation\nreason = r\n",
           "p.ini line 1: section [waiver.one] lacks the key expires");
    refuse("[waiver.one]\ncheck = optimisation\nreason =\nexpires = 2999-12-31\n",
           "p.ini line 3: not a line 'key = value', which has one blank on either side of the =");
    refuse("[waiver.one]\ncheck = optimisation\nreason = %20 \nexpires = 2999-12-31\n",
           "p.ini line 3: a value begins or ends with a blank");
    refuse("[waiver.one]\ncheck = optimisation\nreason = %20\nexpires = 2999-12-31\n",
           "p.ini line 3: the reason is empty");
}

static void a_date_that_does_not_exist_is_refused(void **state)
{
    static const char *const dates[] = {"2999-02-30", "2999-1-1", "tomorrow", "2999-12-31T12:00:00", "31.12.2999"};

    (void)state;
    for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        char text[128], message[160];
        snprintf(text, sizeof(text), "[waiver.one]\ncheck = optimisation\nreason = r\nexpires = %s\n", dates[i]);
        snprintf(message, sizeof(message),
                 "p.ini line 4: expires '%s' is not a date like 2026-12-31 or a time like 2026-12-31T12:00:00Z",
                 dates[i]);
        refuse(text, message);
    }
}

static void a_file_reads_as_it_was_written(void **state)
{
    struct hf_waivers waivers;

    (void)state;
    static const char good[] = GOOD "\n[waiver.two]\ncheck = inline\nreason = long\n\t%20line\nexpires = "
                                    "2001-09-09T01:46:40Z\n";
    assert_int_equal(hf_waivers_parse("p.ini", good, strlen(good), &waivers, NULL), 0);
    assert_int_equal(waivers.count, 2);
    assert_ptr_equal(waivers.waivers[0].check, &hf_check_optimisation);
    assert_string_equal(waivers.waivers[0].scope, "f*");
    assert_string_equal(waivers.waivers[0].reason, "one Makefile");
    assert_true(waivers.waivers[0].expires == INT64_C(32503679999));
    assert_null(waivers.waivers[1].scope);
    assert_string_equal(waivers.waivers[1].reason, "long line");
    assert_true(waivers.waivers[1].expires == INT64_C(1000000000));
    hf_waivers_deinit(&waivers);
}

static void the_fate_of_an_waiver_is_known(void **state)
{
    static char name[] = "fee", source[] = "shop.c";
    const struct hf_function fee = {.name = name, .source = source};
    const struct hf_pair pair = {&fee, &fee};
    const struct hf_waiver expired = {&hf_check_optimisation, NULL, "r", 1};
    const struct hf_waiver elsewhere = {&hf_check_optimisation, "total", "r", HF_TIME_NEVER};
    const struct hf_waiver other = {&hf_check_inline, NULL, "r", HF_TIME_NEVER};
    const struct hf_waiver fitting = {&hf_check_optimisation, "fee", "r", HF_TIME_NEVER};
    struct hf_check_result *results = calloc(hf_check_count + 1, sizeof(*results));
    struct hf_check_result *flags = NULL;

    (void)state;
    assert_non_null(results);
    for (size_t i = 0; i < hf_check_count; i++) {
        results[i].check = hf_checks[i];
        if (hf_checks[i] == &hf_check_optimisation)
            flags = &results[i];
    }
    assert_non_null(flags);
    hf_findings_add(&flags->findings, HF_INCOMPATIBLE, &pair, NULL, "-O1");
    hf_check_accept(flags, &fitting, 1);
    assert_int_equal(hf_waivers_fate(&expired, results), HF_WAIVERS_EXPIRED);
    assert_int_equal(hf_waivers_fate(&elsewhere, results), HF_WAIVERS_UNUSED);
    assert_int_equal(hf_waivers_fate(&other, results), HF_WAIVERS_UNUSED);
    assert_int_equal(hf_waivers_fate(&fitting, results), HF_WAIVERS_BARRED);
    hf_findings_add(&flags->findings, HF_UNPROVEN, &pair, NULL, "not recorded");
    hf_check_accept(flags, &fitting, 1);
    assert_int_equal(hf_waivers_fate(&fitting, results), HF_WAIVERS_APPLIED);
    hf_check_results_destroy(results);
}

static void waivers_are_told_with_what_they_have(void **state)
{
    (void)state;
    HF_FREE char *plain = hf_waiver_text(NULL, "why", HF_TIME_NEVER);
    HF_FREE char *scoped = hf_waiver_text("f*", "why", HF_TIME_NEVER);
    HF_FREE char *limited = hf_waiver_text("", "why", 1000000000);
    HF_FREE char *both = hf_waiver_text("f*", "why", 1000000000);

    assert_string_equal(plain, "why");
    assert_string_equal(scoped, "why (functions f*)");
    assert_string_equal(limited, "why (until 2001-09-09T01:46:40Z)");
    assert_string_equal(both, "why (functions f*, until 2001-09-09T01:46:40Z)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_waiver_is_named_with_its_line),
        cmocka_unit_test(a_check_that_is_none_or_never_accepted_is_refused),
        cmocka_unit_test(check_reason_and_expiry_must_be_there),
        cmocka_unit_test(a_date_that_does_not_exist_is_refused),
        cmocka_unit_test(a_file_reads_as_it_was_written),
        cmocka_unit_test(the_fate_of_an_waiver_is_known),
        cmocka_unit_test(waivers_are_told_with_what_they_have),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
