/* SPDX-License-Identifier: Apache-2.0 */
/* The table in which a patch says what its code was not compiled together with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "patch/world.h"

#define FIRST (8 + 1 + 4 + 4) /* magic, build-id of four bytes, count */

/* Not in order, and one of them twice. */
static uint8_t *format(size_t *size)
{
    HF_WORLD struct hf_world_table table = {.target = {{1, 2, 3, 4}, 4}};
    uint8_t *bytes = NULL;

    assert_int_equal(hf_world_add(&table, HF_WORLD_ASSUMED, 0x3000, 9, "rate", NULL), 0);
    assert_int_equal(hf_world_add(&table, HF_WORLD_LEFT_TO_APPLY, 0x1000, 16, "serve", NULL), 0);
    assert_int_equal(hf_world_add(&table, HF_WORLD_LEFT_TO_REVERT, 0x400, 20, "serve", NULL), 0);
    assert_int_equal(hf_world_add(&table, HF_WORLD_LEFT_TO_APPLY, 0x800, 5, "serve", NULL), 0);
    assert_int_equal(hf_world_add(&table, HF_WORLD_ASSUMED, 0x3000, 12, "rate", NULL), 0);
    assert_int_equal(hf_world_format(&table, &bytes, size, NULL), 0);
    return bytes;
}

static void refuse(const uint8_t *bytes, size_t size, const char *what)
{
    struct hf_world_table parsed = {.count = 77};
    struct hotfix_error error;

    assert_int_equal(hf_world_parse(bytes, size, &parsed, &error), -1);
    assert_int_equal(error.code, HOTFIX_FORMAT);
    assert_non_null(strstr(error.message, what));
    assert_int_equal(parsed.count, 77);
}

static void what_is_written_is_read_in_order_and_once(void **state)
{
    static const struct hf_world_item wanted[] = {
        {HF_WORLD_LEFT_TO_APPLY, 0x800, 5, NULL},
        {HF_WORLD_LEFT_TO_APPLY, 0x1000, 16, NULL},
        {HF_WORLD_LEFT_TO_REVERT, 0x400, 20, NULL},
        {HF_WORLD_ASSUMED, 0x3000, 12, NULL},
    };
    HF_WORLD struct hf_world_table parsed = {.count = 0};
    size_t size;
    HF_FREE uint8_t *bytes = format(&size);

    (void)state;
    assert_int_equal(hf_world_parse(bytes, size, &parsed, NULL), 0);
    assert_int_equal(parsed.target.size, 4);
    assert_int_equal(parsed.count, sizeof(wanted) / sizeof(wanted[0]));
    for (size_t i = 0; i < parsed.count; i++) {
        assert_int_equal(parsed.items[i].kind, wanted[i].kind);
        assert_int_equal(parsed.items[i].address, wanted[i].address);
        assert_int_equal(parsed.items[i].size, wanted[i].size);
        assert_string_equal(parsed.items[i].name, i < 3 ? "serve" : "rate");
    }
}

static void every_cut_is_refused(void **state)
{
    size_t size;
    HF_FREE uint8_t *bytes = format(&size);

    (void)state;
    for (size_t cut = 0; cut < size; cut++) {
        HF_FREE uint8_t *copy = malloc(cut + 1);
        assert_non_null(copy);
        memcpy(copy, bytes, cut);
        refuse(copy, cut, "table of worlds");
    }
}

static void refuse_changed(size_t at, uint8_t value, const char *what)
{
    size_t size;
    HF_FREE uint8_t *bytes = format(&size);

    bytes[at] = value;
    refuse(bytes, size, what);
}

static void damage_is_refused(void **state)
{
    (void)state;
    refuse_changed(0, 'X', "magic");
    refuse_changed(8, 0, "build-id");
    refuse_changed(8, 65, "build-id");
    refuse_changed(8 + 1 + 4, 200, "count is out of range");
    refuse_changed(8 + 1 + 4, 1, "bytes after the last item");
    refuse_changed(FIRST, 0, "of unknown kind");
    refuse_changed(FIRST, 4, "of unknown kind");
    refuse_changed(FIRST, 3, "out of order");
    refuse_changed(FIRST + 9, 0, "without name or code");
    refuse_changed(FIRST + 17, 200, "is cut off or damaged");
    refuse_changed(FIRST + 19, 0, "is cut off or damaged");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_in_order_and_once),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(damage_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
