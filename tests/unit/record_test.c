/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "patch/record.h"

#define FIRST_RECORD (8 + 1 + 4 + 4) /* magic, build-id of four bytes, count */

static char first_name[] = "first";
static char second_name[] = "second.isra.0";
static char source[] = "src/file.c";
static char no_source[] = "";

static struct hf_record items[] = {
    {0x1000, 16, 0x2000, 32, 0, first_name, source},
    {0x1010, 5, 0x2020, 7, 3, second_name, no_source},
};
static const struct hf_records records = {{{1, 2, 3, 4}, 4}, items, 2};

static uint8_t *format(size_t *size)
{
    uint8_t *table = NULL;
    struct hotfix_error error;

    assert_int_equal(hf_records_format(&records, &table, size, &error), 0);
    return table;
}

static void refuse(const uint8_t *table, size_t size, const char *what)
{
    struct hf_records parsed = {.count = 77};
    struct hotfix_error error;

    assert_int_equal(hf_records_parse(table, size, &parsed, &error), -1);
    assert_int_equal(error.code, HOTFIX_FORMAT);
    assert_non_null(strstr(error.message, what));
    assert_int_equal(parsed.count, 77);
}

static void refuse_changed(size_t at, uint8_t value, const char *what)
{
    size_t size;
    uint8_t *table = format(&size);

    table[at] = value;
    refuse(table, size, what);
    free(table);
}

static void every_cut_is_refused(void **state)
{
    size_t size;
    uint8_t *table = format(&size);

    (void)state;
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *copy = malloc(cut + 1);
        assert_non_null(copy);
        memcpy(copy, table, cut);
        refuse(copy, cut, "function table");
        free(copy);
    }
    free(table);
}

static void damage_is_refused(void **state)
{
    (void)state;
    refuse_changed(0, 'X', "magic");
    refuse_changed(8, 0, "build-id");
    refuse_changed(8, 65, "build-id");
    refuse_changed(8 + 1 + 4, 200, "count is out of range");
    refuse_changed(FIRST_RECORD + 8, 0, "without name or code");
    refuse_changed(FIRST_RECORD + 24, 0, "without name or code");
    refuse_changed(FIRST_RECORD + 8, 17, "overlaps the one before");
    refuse_changed(FIRST_RECORD + 36 + 2, 0, "cut off or damaged");
}

static void trailing_bytes_are_refused(void **state)
{
    size_t size;
    uint8_t *table = format(&size);
    uint8_t *longer = realloc(table, size + 1);

    (void)state;
    assert_non_null(longer);
    longer[size] = 0;
    refuse(longer, size + 1, "after the last record");
    free(longer);
}

static void records_out_of_order_are_not_written(void **state)
{
    struct hf_record wrong[] = {items[1], items[0]};
    const struct hf_records bad = {records.target, wrong, 2};
    uint8_t *table = NULL;
    size_t size = 0;
    struct hotfix_error error;

    (void)state;
    assert_int_equal(hf_records_format(&bad, &table, &size, &error), -1);
    assert_int_equal(error.code, HOTFIX_INTERNAL);
    assert_null(table);
}

static void what_was_written_is_read_again(void **state)
{
    size_t size;
    uint8_t *table = format(&size);
    struct hf_records parsed;
    struct hotfix_error error;

    (void)state;
    assert_int_equal(hf_records_parse(table, size, &parsed, &error), 0);
    assert_int_equal(parsed.count, 2);
    assert_int_equal(parsed.target.size, 4);
    assert_memory_equal(parsed.target.bytes, records.target.bytes, 4);
    for (size_t i = 0; i < parsed.count; i++) {
        assert_int_equal(parsed.items[i].target, items[i].target);
        assert_int_equal(parsed.items[i].target_size, items[i].target_size);
        assert_int_equal(parsed.items[i].replacement, items[i].replacement);
        assert_int_equal(parsed.items[i].replacement_size, items[i].replacement_size);
        assert_int_equal(parsed.items[i].group, items[i].group);
        assert_string_equal(parsed.items[i].name, items[i].name);
        assert_string_equal(parsed.items[i].source, items[i].source);
    }
    hf_records_deinit(&parsed);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_is_refused),           cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(trailing_bytes_are_refused),     cmocka_unit_test(records_out_of_order_are_not_written),
        cmocka_unit_test(what_was_written_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
