/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <errno.h>

#include "manifest_fixture.h"

static void an_absent_error_object_is_accepted(void **state)
{
    (void)state;
    assert_int_equal(hf_error(NULL, HOTFIX_IO, "%s", "text"), -1);
    assert_int_equal(hf_error_sys(NULL, HOTFIX_IO, "%s", "text"), -1);
    assert_int_equal(hf_error_prefix(NULL, "%s", "text"), -1);
}

static void long_messages_are_cut_to_fit(void **state)
{
    char text[2 * HOTFIX_MESSAGE_SIZE];
    struct hotfix_error err;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    hf_error(&err, HOTFIX_FORMAT, "%s", text);
    assert_int_equal(strlen(err.message), HOTFIX_MESSAGE_SIZE - 1);
    hf_error_prefix(&err, "%s", "layer");
    assert_int_equal(strlen(err.message), HOTFIX_MESSAGE_SIZE - 1);
    assert_memory_equal(err.message, "layer: xxx", 10);
    hf_error_prefix(&err, "%s", text);
    assert_int_equal(strlen(err.message), HOTFIX_MESSAGE_SIZE - 1);
    errno = ENOENT;
    hf_error_sys(&err, HOTFIX_IO, "%s", text);
    assert_int_equal(strlen(err.message), HOTFIX_MESSAGE_SIZE - 1);
}

static void a_message_is_one_line_whatever_it_quotes(void **state)
{
    struct hotfix_error err;

    (void)state;
    hf_error(&err, HOTFIX_FORMAT, "member '%s'", "a\nb\x1b[31m\x7f\xc3\xbc");
    assert_string_equal(err.message, "member 'a\\x0ab\\x1b[31m\\x7f\xc3\xbc'");
    hf_error_prefix(&err, "%s", "fix\r.hotfix");
    assert_memory_equal(err.message, "fix\\x0d.hotfix: member", 22);
    hf_error_sys(&err, HOTFIX_IO, "%s", "x\ty");
    assert_memory_equal(err.message, "x\\x09y: ", 8);
    char controls[HOTFIX_MESSAGE_SIZE];
    memset(controls, '\n', sizeof(controls) - 1);
    controls[sizeof(controls) - 1] = '\0';
    hf_error(&err, HOTFIX_IO, "%s", controls);
    assert_int_equal(strlen(err.message), HOTFIX_MESSAGE_SIZE - 1);
    assert_memory_equal(err.message, "\\x0a\\x0a", 8);
}

static void what_would_deceive_a_reader_is_escaped(void **state)
{
    struct hotfix_error err;

    (void)state;
    hf_error(&err, HOTFIX_FORMAT, "key %s",
             "a\xe2\x80\xae\xc2\x9b\xd8\x9c\xe2\x80\x8b\xe2\x81\xa0\xef\xbb\xbf"
             "b\xff\xf0\x9f\x94\xa5");
    assert_string_equal(err.message,
                        "key a\\xe2\\x80\\xae\\xc2\\x9b\\xd8\\x9c\\xe2\\x80\\x8b\\xe2\\x81\\xa0\\xef\\xbb\\xbf"
                        "b\\xff\xf0\x9f\x94\xa5");
    hf_error_prefix(&err, "%s", "\xe2\x80\xae");
    assert_memory_equal(err.message, "\\xe2\\x80\\xae: key a", 19);
}

static void the_pin_of_a_token_is_not_told(void **state)
{
    struct hotfix_error err;

    (void)state;
    hf_error(&err, HOTFIX_USAGE, "unexpected argument '%s' (see help)", "pkcs11:token=a?pin-value=1234&x=pin-value=5");
    assert_string_equal(err.message, "unexpected argument 'pkcs11:token=a?pin-value=*&x=pin-value=*' (see help)");
    hf_error(&err, HOTFIX_IO, "reason");
    hf_error_prefix(&err, "%s", "pkcs11:pin-value=1234;token=a");
    assert_string_equal(err.message, "pkcs11:pin-value=*;token=a: reason");
    hf_error(&err, HOTFIX_IO, "%s", "PKCS11:Pin-Value=1234");
    assert_string_equal(err.message, "PKCS11:Pin-Value=*");
    hf_error(&err, HOTFIX_IO, "pin-value=");
    assert_string_equal(err.message, "pin-value=");
}

static void no_character_is_cut_in_two(void **state)
{
    char text[2 * HOTFIX_MESSAGE_SIZE + 1];
    struct hotfix_error err;
    size_t size = sizeof(text) - 1;

    (void)state;
    for (size_t i = 0; i < size; i++)
        text[i] = i % 2 == 0 ? '\xc3' : '\xbc';
    text[size] = '\0';
    hf_error(&err, HOTFIX_FORMAT, "%s", text);
    assert_int_equal(strlen(err.message), HOTFIX_MESSAGE_SIZE - 2);
    assert_memory_equal(err.message + HOTFIX_MESSAGE_SIZE - 4, "\xc3\xbc", 2);
    hf_error_prefix(&err, "%s", "ab");
    assert_int_equal(strlen(err.message), HOTFIX_MESSAGE_SIZE - 2);
    assert_memory_equal(err.message + HOTFIX_MESSAGE_SIZE - 4, "\xc3\xbc", 2);
}

static void errno_survives_reporting(void **state)
{
    struct hotfix_error err;

    (void)state;
    errno = EXDEV;
    hf_error(&err, HOTFIX_IO, "a");
    hf_error_sys(&err, HOTFIX_IO, "b");
    hf_error_prefix(&err, "c");
    assert_int_equal(errno, EXDEV);
}

static void a_system_error_carries_errno_and_its_text(void **state)
{
    struct hotfix_error err;

    (void)state;
    errno = ENOENT;
    assert_int_equal(hf_error_sys(&err, HOTFIX_IO, "%s: cannot be opened", "fix.hotfix"), -1);
    assert_int_equal(err.code, HOTFIX_IO);
    assert_int_equal(err.sys_errno, ENOENT);
    assert_string_equal(err.message, "fix.hotfix: cannot be opened: No such file or directory");
    errno = 123456;
    hf_error_sys(&err, HOTFIX_IO, "x");
    assert_string_equal(err.message, "x: unknown error");
    hf_error(&err, HOTFIX_IO, "y");
    assert_int_equal(err.sys_errno, 0);
}

static void a_prefix_goes_in_front_and_keeps_the_code(void **state)
{
    struct hotfix_error err;

    (void)state;
    hf_error(&err, HOTFIX_FORMAT, "bad magic");
    assert_int_equal(hf_error_prefix(&err, "bundle %s", "fix.hotfix"), -1);
    assert_int_equal(err.code, HOTFIX_FORMAT);
    assert_string_equal(err.message, "bundle fix.hotfix: bad magic");
}

static void every_code_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int code = HOTFIX_OK; code <= HOTFIX_NEVER; code++) {
        assert_non_null(hf_error_name(code));
        assert_string_not_equal(hf_error_name(code), "unknown");
        for (int other = HOTFIX_OK; other < code; other++)
            assert_string_not_equal(hf_error_name(code), hf_error_name(other));
    }
    assert_string_equal(hf_error_name(HOTFIX_NEVER + 1), "unknown");
    assert_string_equal(hf_error_name((enum hotfix_code) - 1), "unknown");
    assert_string_equal(hf_error_name(HOTFIX_INCOMPATIBLE), "incompatible");
    assert_string_equal(hf_error_name(HOTFIX_SIGNATURE), "signature");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_absent_error_object_is_accepted),
        cmocka_unit_test(long_messages_are_cut_to_fit),
        cmocka_unit_test(a_message_is_one_line_whatever_it_quotes),
        cmocka_unit_test(the_pin_of_a_token_is_not_told),
        cmocka_unit_test(no_character_is_cut_in_two),
        cmocka_unit_test(what_would_deceive_a_reader_is_escaped),
        cmocka_unit_test(errno_survives_reporting),
        cmocka_unit_test(a_system_error_carries_errno_and_its_text),
        cmocka_unit_test(a_prefix_goes_in_front_and_keeps_the_code),
        cmocka_unit_test(every_code_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
