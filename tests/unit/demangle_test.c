/* SPDX-License-Identifier: Apache-2.0 */
/* Symbols of C++ as people read them, hostile ones among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "elf/demangle.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void what_is_no_symbol_of_cpp_stands_for_itself(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "main", "_Z", "_Zfoo", "/tmp/_Z1fv", "x_Z1fv is one", "_Z1fv_", "a _Z9f"};

    for (size_t i = 0; i < COUNT(texts); i++) {
        HF_FREE char *text = hf_demangle_text(texts[i]);
        assert_string_equal(text, texts[i]);
    }
    assert_null(hf_demangle("main", HF_DEMANGLE_SHOWN));
    assert_null(hf_demangle("_GLOBAL__sub_I_main", HF_DEMANGLE_SHOWN));
}

/* Each level doubles the name: written out, the last one would take 2^40 bytes. */
static void a_symbol_that_stands_for_more_than_memory_is_left_as_it_is(void **state)
{
    (void)state;
    char symbol[1024] = "_Z1f1AIiE";

    strcpy(symbol, "_Z1fPFvP1aE");
    for (int i = 0; i < 60; i++)
        sprintf(symbol + strlen(symbol), "1XIS%c_S%c_E", i ? "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i % 36] : '0',
                i ? "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i % 36] : '0');
    HF_FREE char *name = hf_demangle(symbol, HF_DEMANGLE_SHOWN);
    assert_true(!name || strlen(name) <= HF_DEMANGLED_MAX);

    HF_FREE char *deep = malloc(100000);
    strcpy(deep, "_Z1f");
    for (size_t i = 4; i < 90000; i++)
        deep[i] = 'P';
    strcpy(deep + 90000, "i");
    assert_null(hf_demangle(deep, HF_DEMANGLE_SHOWN));
    HF_FREE char *text = hf_demangle_text(deep);
    assert_string_equal(text, deep);
}

static void every_bit_that_flips_in_a_symbol_is_survived(void **state)
{
    (void)state;
    static const char symbol[] =
        "_ZNSt6vectorINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESaIS5_EE12emplace_backIJRKS5_EEERS5_DpOT_";
    char copy[sizeof(symbol)];

    for (size_t bit = 0; bit < 8 * (sizeof(symbol) - 1); bit++) {
        memcpy(copy, symbol, sizeof(symbol));
        copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
        HF_FREE char *text = hf_demangle_text(copy);
        assert_non_null(text);
    }
}

static void names_are_shown_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *symbol, *shown, *function, *name;
    } cases[] = {
        {"_ZNK2ns5Order5totalEi", "ns::Order::total(int) const", "ns::Order::total(int) const", "ns::Order::total"},
        {"_ZN2ns5OrderC1Ei", "ns::Order::Order(int)", "ns::Order::Order(int)", "ns::Order::Order"},
        {"_ZN2ns5OrderC2Ei", "ns::Order::Order(int)", "ns::Order::Order(int)", "ns::Order::Order"},
        {"_ZN2ns5OrderD0Ev", "ns::Order::~Order() [deleting]", "ns::Order::~Order()", "ns::Order::~Order"},
        {"_Z3maxIiET_S0_S0_", "max<int>(int, int)", "max<int>(int, int)", "max<int>"},
        {"_Z4nameRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE", "name(std::string const&)",
         "name(std::string const&)", "name"},
        {"_Z1fi.cold", "f(int) [clone .cold]", "f(int)", "f"},
        {"_ZTV5Shape", "vtable for Shape", "vtable for Shape", "vtable for Shape"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        HF_FREE char *shown = hf_demangle(cases[i].symbol, HF_DEMANGLE_SHOWN);
        HF_FREE char *function = hf_demangle(cases[i].symbol, HF_DEMANGLE_FUNCTION);
        HF_FREE char *name = hf_demangle(cases[i].symbol, HF_DEMANGLE_NAME);
        assert_string_equal(shown, cases[i].shown);
        assert_string_equal(function, cases[i].function);
        assert_string_equal(name, cases[i].name);
    }
}

static void symbols_within_sentences_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"_Z1fi is too short", "f(int) is too short"},
        {"pick _Z1fi, _Z1gv@a.cc.", "pick f(int), g()@a.cc."},
        {"section .text._Z1fi (in _Z1fi.part.0)", "section .text.f(int) (in f(int) [clone .part.0])"},
        {"'_ZZ3runvE5count'", "'run()::count'"},
        {"_Z1fi.", "f(int)."},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        HF_FREE char *text = hf_demangle_text(cases[i].text);
        assert_string_equal(text, cases[i].shown);
    }
}

static void patterns_match_symbols_and_names(void **state)
{
    (void)state;
    assert_true(hf_demangle_matches("ns::Order::*", "_ZNK2ns5Order5totalEi"));
    assert_true(hf_demangle_matches("ns::Order::total", "_ZNK2ns5Order5totalEi"));
    assert_true(hf_demangle_matches("*::total(int) const", "_ZNK2ns5Order5totalEi"));
    assert_true(hf_demangle_matches("_ZNK2ns5Order*", "_ZNK2ns5Order5totalEi"));
    assert_true(hf_demangle_matches("Box::operator[]", "_ZN3BoxixEi"));
    assert_true(hf_demangle_matches("fee_*", "fee_of"));
    assert_false(hf_demangle_matches("ns::Order", "_ZNK2ns5Order5totalEi"));
    assert_false(hf_demangle_matches("fee", "_Z4feesi"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_symbol_of_cpp_stands_for_itself),
        cmocka_unit_test(a_symbol_that_stands_for_more_than_memory_is_left_as_it_is),
        cmocka_unit_test(every_bit_that_flips_in_a_symbol_is_survived),
        cmocka_unit_test(names_are_shown_as_people_write_them),
        cmocka_unit_test(symbols_within_sentences_are_found),
        cmocka_unit_test(patterns_match_symbols_and_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
