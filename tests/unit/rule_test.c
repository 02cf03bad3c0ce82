/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as compilers write them, and what is none. */
#include "compiler/rule.h"

#include "program_fixture.h"

static bool stale;

/* An object in the middle of 2020, everything that it depends on a second older. */
static int make_object(void **state)
{
    (void)state;
    stale = true;
    return fixture_run("rm -rf tree && mkdir -p tree/include && cd tree && echo 'int x;' >'include/a b#c$.h' && "
                       "printf '#include \"include/a b#c$.h\"\\n#include <stddef.h>\\n' >part.c && "
                       "cc -c part.c -MD -MF part.d && touch -d '2020-06-01 11:59:59' part.c include/* && "
                       "touch -d '2020-06-01 12:00:00.5' part.o && sed -i 's#/usr/[^ ]*##g' part.d");
}

static void an_object_newer_than_all_is_not_stale(void **state)
{
    (void)state;
    assert_int_equal(hf_rule_stale("tree/part.d", "tree", "tree/part.o", &stale, &fixture_error), 0);
    assert_false(stale);
}

static void a_header_with_an_odd_name_makes_it_stale_within_a_second(void **state)
{
    (void)state;
    assert_run("touch -d '2020-06-01 12:00:00.6' 'tree/include/a b#c$.h'");
    assert_int_equal(hf_rule_stale("tree/part.d", "tree", "tree/part.o", &stale, &fixture_error), 0);
    assert_true(stale);
}

static void a_header_that_is_gone_makes_it_stale(void **state)
{
    (void)state;
    assert_run("rm tree/include/*");
    assert_int_equal(hf_rule_stale("tree/part.d", "tree", "tree/part.o", &stale, &fixture_error), 0);
    assert_true(stale);
}

static void what_cannot_be_read_is_refused(void **state)
{
    (void)state;
    assert_refused(hf_rule_stale("tree/none.d", "tree", "tree/part.o", &stale, &fixture_error), HOTFIX_IO,
                   "tree/none.d: cannot be opened");
    assert_refused(hf_rule_stale("tree/part.d", "none", "tree/part.o", &stale, &fixture_error), HOTFIX_IO,
                   "none: cannot be read");
    assert_refused(hf_rule_stale("tree/part.d", "tree", "tree/none.o", &stale, &fixture_error), HOTFIX_IO,
                   "tree/none.o: cannot be read");
}

static void what_is_no_rule_is_refused(void **state)
{
    (void)state;
    fixture_write("tree/part.d", "part.c other.c\n");
    assert_refused(hf_rule_stale("tree/part.d", "tree", "tree/part.o", &stale, &fixture_error), HOTFIX_FORMAT,
                   "tree/part.d: is no make rule");
    fixture_write("tree/part.d", "");
    assert_refused(hf_rule_stale("tree/part.d", "tree", "tree/part.o", &stale, &fixture_error), HOTFIX_FORMAT,
                   "tree/part.d: is no make rule");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_object_newer_than_all_is_not_stale, make_object),
        cmocka_unit_test_setup(a_header_with_an_odd_name_makes_it_stale_within_a_second, make_object),
        cmocka_unit_test_setup(a_header_that_is_gone_makes_it_stale, make_object),
        cmocka_unit_test_setup(what_cannot_be_read_is_refused, make_object),
        cmocka_unit_test_setup(what_is_no_rule_is_refused, make_object),
    };
    return cmocka_run_group_tests_name("rule", tests, fixture_setup, fixture_teardown);
}
