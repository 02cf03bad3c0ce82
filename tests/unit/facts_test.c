/* SPDX-License-Identifier: Apache-2.0 */
/* What compilers may have used, by what they leave in DW_AT_producer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "program/facts.h"

#define GCC "GNU C17 12.2.0 -mtune=generic -march=x86-64 -g "
#define ALL_OFF                                                                                                        \
    "-fno-ipa-ra -fno-ipa-pure-const -fno-ipa-reference -fno-ipa-cp -fno-ipa-sra -fno-ipa-modref "                     \
    "-fno-ipa-stack-alignment"
#define CLANG "Debian clang version 14.0.6"

static void what_optimises_uses_facts(void **state)
{
    static const char *const used[] = {
        GCC "-O2",
        GCC "-O1 -fno-ipa-ra",
        GCC "-O0 -O2",
        GCC "-O2 -fno-ipa-pure-const -fno-ipa-reference -fno-ipa-cp -fno-ipa-sra -fno-ipa-modref "
            "-fno-ipa-stack-alignment",
        GCC "-O2 " ALL_OFF " -fipa-ra",
        GCC "-O2 " ALL_OFF " -fipa-pta",
        "GNU C17 10.2.0 -O2 -fno-ipa-ra",
        CLANG " /usr/bin/clang -g -O2",
        CLANG, /* no command line recorded */
        "",
        "some other compiler -O0",
    };

    (void)state;
    assert_int_equal(hf_facts_used(NULL), HF_FACTS_ALL);
    for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
        assert_int_equal(hf_facts_used(used[i]), HF_FACTS_ALL);
}

static void what_does_not_is_told(void **state)
{
    static const char *const none[] = {
        GCC,
        GCC "-O0",
        GCC "-O2 -O0",
        GCC "-O2 " ALL_OFF,
        GCC "-O2 -flive-patching=inline-only-static",
        "GNU C17 10.2.0 -O2 -fno-ipa-ra -fno-ipa-pure-const -fno-ipa-reference -fno-ipa-cp -fno-ipa-sra "
        "-fno-ipa-stack-alignment",
        CLANG " /usr/bin/clang -g -O0",
        CLANG " /usr/bin/clang -g -c",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_int_equal(hf_facts_used(none[i]), HF_FACTS_NONE);
    assert_int_equal(hf_facts_used(GCC "-O2 -flive-patching"), HF_FACTS_CLONES);
    assert_int_equal(hf_facts_used(GCC "-O2 -flive-patching=inline-clone"), HF_FACTS_CLONES);
}

static void interposition_is_respected_by_gcc_alone(void **state)
{
    (void)state;
    assert_true(hf_facts_spare_interposable(GCC "-O2 -fPIC"));
    assert_true(hf_facts_spare_interposable(GCC "-Ofast -fPIC -fsemantic-interposition"));
    assert_false(hf_facts_spare_interposable(GCC "-O2 -fPIC -fno-semantic-interposition"));
    assert_false(hf_facts_spare_interposable(GCC "-Ofast -fPIC"));
    assert_false(hf_facts_spare_interposable(CLANG " /usr/bin/clang -O2 -fPIC"));
    assert_false(hf_facts_spare_interposable(""));
    assert_false(hf_facts_spare_interposable(NULL));
}

static void whole_programs_are_recognised(void **state)
{
    (void)state;
    assert_true(hf_facts_whole_program("GNU GIMPLE 12.2.0 -O2 -fltrans"));
    assert_true(hf_facts_whole_program(GCC "-O2 -fwhole-program"));
    assert_true(hf_facts_whole_program(CLANG " /usr/bin/clang -O2 -flto=thin"));
    /* The code of such a unit is another one's, or was compiled by itself (-ffat-lto-objects). */
    assert_false(hf_facts_whole_program(GCC "-O2 -flto -ffat-lto-objects"));
    assert_false(hf_facts_whole_program(GCC "-O2 -fwhole-program -fno-whole-program"));
    assert_false(hf_facts_whole_program(CLANG " /usr/bin/clang -O2 -flto -fno-lto"));
    assert_false(hf_facts_whole_program(CLANG));
    assert_false(hf_facts_whole_program(""));
}

static void clones_are_recognised(void **state)
{
    (void)state;
    assert_true(hf_facts_clone("fee.isra.0"));
    assert_true(hf_facts_clone("fee.constprop.12"));
    assert_true(hf_facts_clone("fee.part.0.isra.0"));
    assert_false(hf_facts_clone("fee"));
    assert_false(hf_facts_clone("fee.cold"));
    assert_false(hf_facts_clone("fee_part"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_optimises_uses_facts),
        cmocka_unit_test(what_does_not_is_told),
        cmocka_unit_test(interposition_is_respected_by_gcc_alone),
        cmocka_unit_test(whole_programs_are_recognised),
        cmocka_unit_test(clones_are_recognised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
