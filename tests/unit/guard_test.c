/* SPDX-License-Identifier: Apache-2.0 */
/* Line tables (DWARF 5, section 6.2.4) that libdwarf may be given, and those that it may not. */
#include "dwarf/guard.h"

#include <libdwarf/dwarf.h>
#include <string.h>

#include "manifest_fixture.h"

enum { HEADER = 4 + 2 + 1 + 1 + 4 + 5 + 1 }; /* unit_length to opcode_base, without standard_opcode_lengths */

/* A table whose directories and files are told by these bytes. */
static bool passes(const uint8_t *lists, size_t size)
{
    uint8_t table[HEADER + 64] = {(uint8_t)(HEADER - 4 + size), 0, 0, 0, 5, 0, 8, 0};

    assert_true(size <= 64);
    memcpy(table + HEADER, lists, size);
    return hf_guard_lines(&(struct hf_bytes){.begin = table, .size = HEADER + size});
}

static void directories_and_files_pass(void **state)
{
    static const uint8_t lists[] = {1,
                                    DW_LNCT_path,
                                    DW_FORM_string,
                                    1,
                                    '/',
                                    0,
                                    2,
                                    DW_LNCT_path,
                                    DW_FORM_string,
                                    DW_LNCT_directory_index,
                                    DW_FORM_udata,
                                    1,
                                    'a',
                                    0,
                                    0};

    (void)state;
    assert_true(passes(lists, sizeof(lists)));
    assert_true(passes((const uint8_t[]){0, 0, 0, 0}, 4));
}

static void a_directory_that_is_not_there_is_refused(void **state)
{
    static const uint8_t lists[] = {1,
                                    DW_LNCT_path,
                                    DW_FORM_string,
                                    1,
                                    '/',
                                    0,
                                    2,
                                    DW_LNCT_path,
                                    DW_FORM_string,
                                    DW_LNCT_directory_index,
                                    DW_FORM_udata,
                                    1,
                                    'a',
                                    0,
                                    1};

    (void)state;
    assert_false(passes(lists, sizeof(lists)));
}

/* One would count to 2^63 here. */
static void more_entries_than_there_are_bytes_are_refused(void **state)
{
#define HUGE 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f
    static const uint8_t without_form[] = {0, HUGE, 0, 0};
    static const uint8_t empty[] = {1, DW_LNCT_path, DW_FORM_flag_present, HUGE, 0, 0};
    static const uint8_t empty_files[] = {0, 0, 1, DW_LNCT_path, DW_FORM_implicit_const, HUGE};

    (void)state;
    assert_false(passes(without_form, sizeof(without_form)));
    assert_false(passes(empty, sizeof(empty)));
    assert_false(passes(empty_files, sizeof(empty_files)));
}

static void a_table_that_is_cut_off_is_refused(void **state)
{
    static const uint8_t lists[] = {1, DW_LNCT_path, DW_FORM_string, 1, '/', 0, 0, 0};

    (void)state;
    assert_true(passes(lists, sizeof(lists)));
    for (size_t size = 0; size < sizeof(lists); size++)
        assert_false(passes(lists, size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directories_and_files_pass),
        cmocka_unit_test(a_directory_that_is_not_there_is_refused),
        cmocka_unit_test(more_entries_than_there_are_bytes_are_refused),
        cmocka_unit_test(a_table_that_is_cut_off_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
