/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "patch/base.h"

#define MAGIC_SIZE 8

static struct hf_id_list bases;

static uint8_t *format(size_t *size)
{
    static const uint8_t ids[3][HF_ID_SIZE] = {{1}, {2}, {1}};
    struct hotfix_error error;
    uint8_t *table;

    hf_bases_deinit(&bases);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(hf_bases_add(&bases, ids[i], &error), 0);
    assert_int_equal(hf_bases_format(&bases, &table, size, &error), 0);
    return table;
}

static void ids_are_read_as_they_were_written_and_once(void **state)
{
    struct hf_id_list parsed;
    struct hotfix_error error;
    size_t size;
    uint8_t *table = format(&size);

    (void)state;
    assert_int_equal(size, MAGIC_SIZE + 2 * HF_ID_SIZE);
    assert_int_equal(hf_bases_parse(table, size, &parsed, &error), 0);
    assert_int_equal(parsed.count, 2);
    assert_memory_equal(parsed.items, bases.items, 2 * HF_ID_SIZE);
    hf_bases_deinit(&parsed);
    hf_bases_deinit(&bases);
    free(table);
}

static void refuse(const uint8_t *table, size_t size, const char *message)
{
    struct hf_id_list parsed = {.count = 77};
    struct hotfix_error error;

    assert_int_equal(hf_bases_parse(table, size, &parsed, &error), -1);
    assert_int_equal(error.code, HOTFIX_FORMAT);
    assert_non_null(strstr(error.message, message));
    assert_int_equal(parsed.count, 77);
}

static void damaged_tables_are_refused(void **state)
{
    size_t size;
    uint8_t *table = format(&size);

    (void)state;
    for (size_t cut = 0; cut < size; cut++)
        if (cut != MAGIC_SIZE + HF_ID_SIZE)
            refuse(table, cut, "no magic, or no whole ids");
    table[MAGIC_SIZE] = 2;
    refuse(table, size, "an id is there twice");
    table[0] = 'X';
    refuse(table, size, "no magic");
    free(table);

    size = MAGIC_SIZE + (HF_BASES_MAX + 1) * HF_ID_SIZE;
    uint8_t *large = calloc(1, size);
    assert_non_null(large);
    memcpy(large, "HFBASES1", MAGIC_SIZE);
    refuse(large, size, "more than 64");
    free(large);
    hf_bases_deinit(&bases);
}

static void too_many_are_refused(void **state)
{
    struct hotfix_error error;
    uint8_t id[HF_ID_SIZE] = {0};

    (void)state;
    for (id[0] = 0; id[0] < HF_BASES_MAX; id[0]++)
        assert_int_equal(hf_bases_add(&bases, id, &error), 0);
    assert_int_equal(hf_bases_add(&bases, id, &error), -1);
    assert_int_equal(error.code, HOTFIX_USAGE);
    assert_int_equal(bases.count, HF_BASES_MAX);
    hf_bases_deinit(&bases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_read_as_they_were_written_and_once),
        cmocka_unit_test(damaged_tables_are_refused),
        cmocka_unit_test(too_many_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
