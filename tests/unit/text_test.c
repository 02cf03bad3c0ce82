/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text made safe to show, and guesses at what was meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "cli/text.h"

static void control_characters_are_made_visible(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"", ""},
        {"plain text", "plain text"},
        {"\x1b[2J", "\\x1b[2J"},
        {"a\nb\r\t", "a\\x0ab\\x0d\\x09"},
        {"\x7f", "\\x7f"},
        {"\xc2\x9b\x31m", "\\xc2\\x9b1m"}, /* C1 CSI */
        {"a\xe2\x80\xae"
         "b",
         "a\\xe2\\x80\\xaeb"}, /* right-to-left override */
        {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x94\xa5", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x94\xa5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        HF_FREE char *shown = hf_text_printable(cases[i].text);
        assert_string_equal(shown, cases[i].shown);
    }
}

static void bytes_that_are_not_utf8_are_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown, *utf8;
    } cases[] = {
        {"\xff", "\\xff", "\xef\xbf\xbd"},
        {"a\x80", "a\\x80", "a\xef\xbf\xbd"},                                        /* continuation alone */
        {"\xc3", "\\xc3", "\xef\xbf\xbd"},                                           /* cut off */
        {"\xe2\x82z", "\\xe2\\x82z", "\xef\xbf\xbd\xef\xbf\xbdz"},                   /* cut off */
        {"\xc0\xaf", "\\xc0\\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                      /* overlong '/' */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80",
         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* beyond U+10FFFF */
        {"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80",
         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\n\xf4\x8f\xbf\xbf", "\\x0a\xf4\x8f\xbf\xbf", "\n\xf4\x8f\xbf\xbf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        HF_FREE char *shown = hf_text_printable(cases[i].text);
        HF_FREE char *utf8 = hf_text_utf8(cases[i].text);
        assert_string_equal(shown, cases[i].shown);
        assert_string_equal(utf8, cases[i].utf8);
    }
}

static void guesses_are_near_or_not_made(void **state)
{
    (void)state;
    static const char *const names[] = {"keygen", "pack", "verify", "show", "cc"};
    static const struct {
        const char *word, *nearest;
    } cases[] = {
        {"", NULL},
        {"x", NULL},
        {"zz", NULL},
        {"frobnicate", NULL},
        {"-", NULL},
        {"pakc", "pack"},
        {"verfiy", "verify"},
        {"shw", "show"},
        {"keygne", "keygen"},
        {"packk", "pack"},
        {"key", NULL},
        {"verification", NULL},
        {"verifyy", "verify"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *nearest = hf_text_nearest(cases[i].word, names, sizeof names / sizeof names[0]);
        if (cases[i].nearest)
            assert_string_equal(nearest ? nearest : "(none)", cases[i].nearest);
        else
            assert_null(nearest);
    }
}

static void long_words_are_not_guessed(void **state)
{
    (void)state;
    static const char *const names[] = {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                        "pack"};
    assert_null(hf_text_nearest("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", names, 2));
    assert_string_equal(hf_text_nearest("pac", names, 2), "pack");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
        cmocka_unit_test(control_characters_are_made_visible),
        cmocka_unit_test(guesses_are_near_or_not_made),
        cmocka_unit_test(long_words_are_not_guessed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
