/* SPDX-License-Identifier: Apache-2.0 */
/* The table in which a patch carries the old-object proof. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "patch/proven.h"

#define FIRST (8 + 1 + 4 + 4) /* magic, build-id of four bytes, count */

static char fee[] = "fee";
static char rate[] = "rate.part.0";
static char producer[] = "GNU C17 12.2.0 -O2";
static char silent[] = "";

static struct hf_proven_function items[] = {{0x1000, 16, 3, fee, producer}, {0x1010, 5, 0, rate, silent}};
static const struct hf_proven proven = {{{1, 2, 3, 4}, 4}, items, 2};

static uint8_t *format(size_t *size)
{
    uint8_t *table = NULL;

    assert_int_equal(hf_proven_format(&proven, &table, size, NULL), 0);
    return table;
}

static void refuse(const uint8_t *table, size_t size, const char *what)
{
    struct hf_proven parsed = {.count = 77};
    struct hotfix_error error;

    assert_int_equal(hf_proven_parse(table, size, &parsed, &error), -1);
    assert_int_equal(error.code, HOTFIX_FORMAT);
    assert_non_null(strstr(error.message, what));
    assert_int_equal(parsed.count, 77);
}

static void refuse_changed(size_t at, uint8_t value, const char *what)
{
    size_t size;
    HF_FREE uint8_t *table = format(&size);

    table[at] = value;
    refuse(table, size, what);
}

static void every_cut_is_refused(void **state)
{
    size_t size;
    HF_FREE uint8_t *table = format(&size);

    (void)state;
    for (size_t cut = 0; cut < size; cut++) {
        HF_FREE uint8_t *copy = malloc(cut + 1);
        assert_non_null(copy);
        memcpy(copy, table, cut);
        refuse(copy, cut, "table of the proof");
    }
}

static void damage_is_refused(void **state)
{
    (void)state;
    refuse_changed(0, 'X', "magic");
    refuse_changed(8, 0, "build-id");
    refuse_changed(8, 65, "build-id");
    refuse_changed(8 + 1 + 4, 200, "count is out of range");
    refuse_changed(8 + 1 + 4, 1, "bytes after the last function");
    refuse_changed(FIRST + 8, 0, "without name or code");
    refuse_changed(FIRST + 8, 17, "out of order, or overlaps");
    refuse_changed(FIRST + 20, 200, "is cut off or damaged");
    refuse_changed(FIRST + 22, 0, "is cut off or damaged");
}

static void what_is_written_is_read(void **state)
{
    struct hf_proven parsed;
    size_t size;
    HF_FREE uint8_t *table = format(&size);

    (void)state;
    assert_int_equal(hf_proven_parse(table, size, &parsed, NULL), 0);
    assert_int_equal(parsed.target.size, 4);
    assert_int_equal(parsed.count, 2);
    assert_string_equal(parsed.items[1].name, rate);
    assert_string_equal(parsed.items[0].producer, producer);
    assert_int_equal(parsed.items[0].witnesses, 3);
    assert_ptr_equal(hf_proven_find(&parsed, 0x1010, 5), &parsed.items[1]);
    assert_null(hf_proven_find(&parsed, 0x1010, 6));
    assert_null(hf_proven_find(&parsed, 0x1001, 5));
    hf_proven_deinit(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(what_is_written_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
