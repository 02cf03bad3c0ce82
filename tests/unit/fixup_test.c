/* SPDX-License-Identifier: Apache-2.0 */
#include "fixup.h"

#include "cursor.h"
#include "manifest_fixture.h"

static struct hf_fixups fixups;

/* Two modules and three records. */
static uint8_t *table_create(size_t *size)
{
    struct hf_build_id modules[2] = {{.bytes = {1, 2, 3}, .size = 20}, {.bytes = {9}, .size = HF_BUILD_ID_MAX}};
    struct hf_fixup records[3] = {
        {.place = 0x10, .value = 0x1000, .addend = -4, .type = 2, .module = 0, .kind = HF_FIXUP_ADDRESS},
        {.place = 0x10, .value = 0x2000, .addend = INT64_MIN, .type = 9, .module = 1, .kind = HF_FIXUP_SLOT},
        {.place = UINT64_MAX,
         .value = UINT64_MAX,
         .addend = 0,
         .type = UINT32_MAX,
         .module = 1,
         .kind = HF_FIXUP_IFUNC},
    };
    struct hf_fixups made = {modules, 2, records, 3};
    uint8_t *table;

    assert_done(hf_fixups_format(&made, &table, size, ERR));
    return table;
}

#define MODULES_AT 16
#define RECORDS_AT (MODULES_AT + 1 + 20 + 1 + HF_BUILD_ID_MAX)

/* The table with some bytes changed is refused. */
static void refuse_changed(size_t at, uint64_t value, size_t width, const char *message)
{
    size_t size;
    uint8_t *table = table_create(&size);

    assert_true(at + width <= size);
    hf_put(table + at, value, width);
    assert_refused(hf_fixups_parse(table, size, &fixups, ERR), HOTFIX_FORMAT, message);
    assert_null(fixups.modules);
    assert_null(fixups.records);
    free(table);
}

static void a_table_cut_at_any_byte_is_refused(void **state)
{
    size_t size;
    uint8_t *table = table_create(&size);

    (void)state;
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = malloc(cut + !cut);
        memcpy(exact, table, cut);
        assert_refused(hf_fixups_parse(exact, cut, &fixups, ERR), HOTFIX_FORMAT, "fix-up table: ");
        free(exact);
    }
    free(table);
}

static void bytes_after_the_last_record_are_refused(void **state)
{
    size_t size;
    uint8_t *table = table_create(&size);
    uint8_t *longer = calloc(1, size + 32);

    (void)state;
    memcpy(longer, table, size);
    assert_refused(hf_fixups_parse(longer, size + 1, &fixups, ERR), HOTFIX_FORMAT, "bytes after the last record");
    assert_refused(hf_fixups_parse(longer, size + 32, &fixups, ERR), HOTFIX_FORMAT, "bytes after the last record");
    free(longer);
    free(table);
}

static void values_out_of_range_are_refused(void **state)
{
    (void)state;
    refuse_changed(0, 'h', 1, "does not begin with its magic");
    refuse_changed(7, '2', 1, "does not begin with its magic");
    refuse_changed(8, HF_FIXUP_MAX_MODULES + 1, 4, "counts are out of range");
    refuse_changed(8, UINT32_MAX, 4, "counts are out of range");
    refuse_changed(12, HF_FIXUP_MAX_RECORDS + 1, 4, "counts are out of range");
    refuse_changed(12, UINT32_MAX, 4, "counts are out of range");
    refuse_changed(12, 0x07ffffff, 4, "counts are out of range");
    refuse_changed(8, 0, 4, "fix-up table: ");
    refuse_changed(12, 2, 4, "bytes after the last record");
    refuse_changed(MODULES_AT, 0, 1, "module 0 has no build-id");
    refuse_changed(MODULES_AT, HF_BUILD_ID_MAX + 1, 1, "module 0 has no build-id");
    refuse_changed(RECORDS_AT + 28, 2, 2, "record 0 names module 2 of 2");
    refuse_changed(RECORDS_AT + 32 + 30, HF_FIXUP_OWN_EXPORT + 1, 2, "record 1 is of unknown kind");
    refuse_changed(RECORDS_AT + 32, 0xf, 8, "record 1 is out of order");
}

static void what_could_not_be_read_is_not_written(void **state)
{
    struct hf_build_id module = {.size = 20};
    struct hf_fixup records[2] = {{.place = 8}, {.place = 0}};
    struct hf_fixups made = {&module, 1, records, 2};
    uint8_t *table = NULL;
    size_t size;

    (void)state;
    assert_refused(hf_fixups_format(&made, &table, &size, ERR), HOTFIX_INTERNAL, "out of order");
    records[1].place = 8;
    records[1].module = 1;
    assert_refused(hf_fixups_format(&made, &table, &size, ERR), HOTFIX_INTERNAL, "names module 1");
    records[1].module = 0;
    module.size = 0;
    assert_refused(hf_fixups_format(&made, &table, &size, ERR), HOTFIX_INTERNAL, "no build-id");
    module.size = HF_BUILD_ID_MAX + 1;
    assert_refused(hf_fixups_format(&made, &table, &size, ERR), HOTFIX_INTERNAL, "no build-id");
    assert_null(table);
}

static void a_table_reads_as_it_was_written(void **state)
{
    size_t size, again_size;
    uint8_t *again;
    uint8_t *table = table_create(&size);

    (void)state;
    assert_int_equal(size, RECORDS_AT + 3 * 32);
    assert_done(hf_fixups_parse(table, size, &fixups, ERR));
    assert_int_equal(fixups.module_count, 2);
    assert_int_equal(fixups.modules[1].size, HF_BUILD_ID_MAX);
    assert_int_equal(fixups.record_count, 3);
    assert_true(fixups.records[0].addend == -4);
    assert_true(fixups.records[1].addend == INT64_MIN);
    assert_int_equal(fixups.records[1].module, 1);
    assert_int_equal(fixups.records[1].kind, HF_FIXUP_SLOT);
    assert_true(fixups.records[2].place == UINT64_MAX);
    assert_done(hf_fixups_format(&fixups, &again, &again_size, ERR));
    assert_int_equal(again_size, size);
    assert_memory_equal(again, table, size);
    free(again);
    free(table);
    hf_fixups_deinit(&fixups);
    assert_null(fixups.records);
}

static void an_empty_table_is_a_table(void **state)
{
    struct hf_fixups none = {0};
    uint8_t *table;
    size_t size;

    (void)state;
    assert_done(hf_fixups_format(&none, &table, &size, ERR));
    assert_int_equal(size, MODULES_AT);
    assert_done(hf_fixups_parse(table, size, &fixups, ERR));
    assert_int_equal(fixups.record_count, 0);
    hf_fixups_deinit(&fixups);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_cut_at_any_byte_is_refused), cmocka_unit_test(bytes_after_the_last_record_are_refused),
        cmocka_unit_test(values_out_of_range_are_refused),    cmocka_unit_test(what_could_not_be_read_is_not_written),
        cmocka_unit_test(a_table_reads_as_it_was_written),    cmocka_unit_test(an_empty_table_is_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
