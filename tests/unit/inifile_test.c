/* SPDX-License-Identifier: Apache-2.0 */
/* The strict INI that manifests, policies and states are written in: what is refused, and each limit. */
#include "inifile.h"

#include "manifest_fixture.h"

#define VALUE_MAX 400

static int parse(const char *text, struct hf_inifile *ini)
{
    return hf_inifile_parse("x.ini", text, strlen(text), VALUE_MAX, ini, ERR);
}

static void lines_of_another_form_are_refused(void **state)
{
    static const struct {
        const char *text, *reason;
    } bad[] = {
        {"", "is empty"},
        {"[a]\nk = v", "line 2: does not end with a newline"},
        {"k = v\n", "line 1: a key outside a section"},
        {"[a]\nk = v\n\nl = v\n", "line 4: a key outside a section"},
        {"[a]\n", "ends where a key must follow"},
        {"[a]\nk = v\n\n", "ends where a key must follow"},
        {"[a]\nk = v\n[b]\nk = v\n", "line 3: a section does not follow a blank line"},
        {"[a]\nk = v\n\n\n[b]\nk = v\n", "line 4: a blank line where none belongs"},
        {"\n[a]\nk = v\n", "line 1: a blank line where none belongs"},
        {"[a]\n\nk = v\n", "line 2: a blank line where none belongs"},
        {"[]\nk = v\n", "not a section header"},
        {"[a\nk = v\n", "not a section header"},
        {"[ab\nk = v\n", "not a section header"},
        {"[a]]\nk = v\n", "not a section header"},
        {"[a b]\nk = v\n", "not a section header"},
        {"[a)\nk = v\n", "not a section header"},
        {"[\nk = v\n", "not a section header"},
        {"[a]\n = v\n", "begins with a blank"},
        {"[a]\n= v\n", "not a line 'key = value'"},
        {"[a]\nk\n", "not a line 'key = value'"},
        {"[a]\nk =\n", "not a line 'key = value', which has one blank"},
        {"[a]\nk= v\n", "not a line 'key = value', which has one blank"},
        {"[a]\nk : v\n", "not a line 'key = value'"},
        {"[a]\nk = \n", "a value is missing"},
        {"[a]\nk =  v\n", "a value begins or ends with a blank"},
        {"[a]\nk = v \n", "a value begins or ends with a blank"},
        {"[a]\n\tv\n", "a continuation of no value"},
        {"[a]\nk = v\n\t\n", "a value is missing"},
        {"[a]\nk = v\n\t v\n", "a value begins or ends with a blank"},
        {"[a]\nk = a;b\n", "a value holds ; or #"},
        {"[a]\nk = a#b\n", "a value holds ; or #"},
        {"[a]\nk = a\x1f\n", "must stand as %XX"},
        {"[a]\nk = a\x7f\n", "must stand as %XX"},
        {"[a]\nk = \xc3\xa4\n", "must stand as %XX"},
        {"[a]\nk = %\n", "a % is not followed"},
        {"[a]\nk = %4\n", "a % is not followed"},
        {"[a]\nk = %4G\n", "a % is not followed"},
        {"[a]\nk = %G4\n", "a % is not followed"},
        {"[a]\nk = %4a\n", "a % is not followed"},
        {"[a]\nk = a%00\n", "a % is not followed"},
        {"[a]\nk = %C3\n", "is not UTF-8"},
        {"[a]\nk = %1B\n", "is not UTF-8"},
        {"[a]\nk = v\nk = w\n", "line 3: repeated key k"},
        {"[a]\n# x\nk = v\n", "a comment"},
        {"[a]\nk = v\n\t; x\n", "a comment"},
    };
    struct hf_inifile ini = {.count = 4711};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_refused(parse(bad[i].text, &ini), HOTFIX_FORMAT, bad[i].reason);
    assert_refused(hf_inifile_parse("x.ini", "[a]\nk = \0\n", 10, VALUE_MAX, &ini, ERR), HOTFIX_FORMAT, "as %XX");
    assert_int_equal(ini.count, 4711);
}

static void values_are_what_they_stand_for(void **state)
{
    static const char text[] = "[a]\nk = ~%41%3B%23%25%C3\n\t%A4 =[x]\nl-2 = v\n\n[a]\nk = w\n";
    struct hf_inifile ini;

    (void)state;
    assert_done(parse(text, &ini));
    assert_int_equal(ini.count, 2);
    assert_int_equal(ini.sections[0].count, 2);
    assert_string_equal(ini.sections[0].entries[0].value, "~A;#%\xc3\xa4 =[x]");
    assert_int_equal(ini.sections[0].entries[0].size, 12);
    assert_int_equal(ini.sections[0].entries[1].line, 4);
    assert_string_equal(ini.sections[1].name, "a");
    assert_int_equal(ini.sections[1].line, 6);
    hf_inifile_deinit(&ini);
}

/* Whether a text with a section, a key and a value of these lengths is taken. */
static int sized(int section, int key, int value)
{
    struct hf_inifile ini;
    char text[512], letters[256];

    memset(letters, 'x', sizeof(letters));
    snprintf(text, sizeof(text), "[%.*s]\n%.*s = %.*s\n", section, letters, key, letters, value, letters);
    if (parse(text, &ini) != 0)
        return -1;
    assert_int_equal(strlen(ini.sections[0].name), section);
    assert_int_equal(strlen(ini.sections[0].entries[0].key), key);
    assert_int_equal(ini.sections[0].entries[0].size, value);
    hf_inifile_deinit(&ini);
    return 0;
}

static void names_and_lines_have_limits(void **state)
{
    (void)state;
    assert_done(sized(HF_INI_SECTION_MAX, 1, 1));
    assert_refused(sized(HF_INI_SECTION_MAX + 1, 1, 1), HOTFIX_FORMAT, "not a section header");
    assert_done(sized(1, HF_INI_KEY_MAX, 1));
    assert_refused(sized(1, HF_INI_KEY_MAX + 1, 1), HOTFIX_FORMAT, "not a line 'key = value'");
    assert_done(sized(1, 1, HF_INI_LINE_MAX - 4));
    assert_refused(sized(1, 1, HF_INI_LINE_MAX - 3), HOTFIX_FORMAT, "longer than 180 bytes");
}

static void values_have_a_limit_and_come_back(void **state)
{
    char value[VALUE_MAX + 2];

    (void)state;
    for (size_t size = 1; size <= VALUE_MAX + 1; size++) {
        struct hf_inifile ini;
        char *text = NULL;
        size_t length = 0;
        memset(value, size % 3 ? '%' : 'v', size);
        value[size] = '\0';
        assert_done(hf_inifile_append_section(&text, &length, "a", ERR));
        assert_done(hf_inifile_append(&text, &length, "k", value, ERR));
        if (size > VALUE_MAX) {
            assert_refused(parse(text, &ini), HOTFIX_FORMAT, "value too long for key k");
        } else {
            assert_done(parse(text, &ini));
            assert_string_equal(ini.sections[0].entries[0].value, value);
            hf_inifile_deinit(&ini);
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_another_form_are_refused),
        cmocka_unit_test(values_are_what_they_stand_for),
        cmocka_unit_test(names_and_lines_have_limits),
        cmocka_unit_test(values_have_a_limit_and_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
