/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text made safe to show, and guesses at what was meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "ui/text.h"

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

static void what_no_reader_sees_is_made_visible(void **state)
{
    (void)state;
    static const uint32_t points[] = {0xad,    0x34f,   0x61c,   0x115f, 0x180e, 0x200b, 0x200d, 0x200e,
                                      0x2028,  0x202a,  0x202e,  0x2060, 0x2064, 0x2066, 0x2069, 0x206f,
                                      0x3164,  0xfe0f,  0xfeff,  0xffa0, 0xfff9, 0xfffe, 0xffff, 0x1d173,
                                      0xe0001, 0xe0041, 0xe0100, 0x85,   0x9b};
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        char text[8], json[16], wanted[16];
        uint32_t point = points[i];
        size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
        for (size_t k = size - 1; k > 0; k--, point >>= 6)
            text[k] = (char)(0x80 | (point & 0x3f));
        text[0] = (char)(leads[size] | point);
        text[size] = '\0';

        HF_FREE char *shown = hf_text_printable(text);
        assert_int_equal(strlen(shown), 4 * size);
        assert_memory_equal(shown, "\\x", 2);
        snprintf(json, sizeof(json), "[\"%s\"]", text);
        uint32_t high = points[i] >= 0x10000 ? 0xd800 + ((points[i] - 0x10000) >> 10) : points[i];
        snprintf(wanted, sizeof(wanted), "[\"\\u%04x", high);
        HF_FREE char *document = hf_text_json(json);
        assert_memory_equal(document, wanted, strlen(wanted));
        json_t *value = json_loads(document, 0, NULL);
        assert_string_equal(json_string_value(json_array_get(value, 0)), text);
        json_decref(value);
    }
}

static void no_line_is_a_command_to_a_runner(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"::error::x", "\\x3a:error::x"},      {"  ::stop-commands::x", "  \\x3a:stop-commands::x"},
        {"std::vector", "std::vector"},        {"name ##[error]x", "name \\x23#[error]x"},
        {"a\n::error::x", "a\\x0a::error::x"}, {":x", ":x"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        HF_FREE char *shown = hf_text_line(cases[i].text);
        assert_string_equal(shown, cases[i].shown);
    }
    HF_FREE char *document = hf_text_json("[\"##[error]\"]\n");
    assert_string_equal(document, "[\"\\u0023#[error]\"]\n");
    HF_FREE char *lines = hf_text_lines("a\n\tb");
    assert_string_equal(lines, "a\n\\x09b");
}

static void blanks_are_folded_and_text_is_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t limit;
        const char *folded;
    } cases[] = {
        {"a   b", 9, "a b"},
        {"a \xc2\xa0\xe2\x80\x83 \xe3\x80\x80\xe2\xa0\x80 b", 9, "a b"},
        {"abcdef", 6, "abcdef"},
        {"abcdefg", 6, "abcdef..."},
        {"\xc3\xbc\xc3\xbc\xc3\xbc", 2, "\xc3\xbc\xc3\xbc..."},
        {"", 1, ""},
        {"\x1b", 9, "\\x1b"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        HF_FREE char *folded = hf_text_folded(cases[i].text, cases[i].limit);
        assert_string_equal(folded, cases[i].folded);
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
        cmocka_unit_test(blanks_are_folded_and_text_is_bounded),
        cmocka_unit_test(no_line_is_a_command_to_a_runner),
        cmocka_unit_test(what_no_reader_sees_is_made_visible),
        cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
        cmocka_unit_test(control_characters_are_made_visible),
        cmocka_unit_test(guesses_are_near_or_not_made),
        cmocka_unit_test(long_words_are_not_guessed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
