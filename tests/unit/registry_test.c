/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "applied/registry.h"

#define BASE 0x10000

static const struct hotfix_patcher patcher = {.name = "none"};

static char *text(const char *value)
{
    char *copy = strdup(value);
    assert_non_null(copy);
    return copy;
}

/* A bundle with functions of 32 bytes at these offsets (0 ends the list); its code is at `code` plus the same offsets.
 */
static struct hf_applied *make(uint8_t id, uintptr_t code, const uint64_t *offsets)
{
    struct hf_manifest manifest;
    struct hf_module target = {.base = BASE};
    struct hf_applied *applied;
    struct hotfix_error error;

    hf_manifest_init(&manifest);
    manifest.id[0] = id;
    for (manifest.function_count = 0; offsets[manifest.function_count];)
        manifest.function_count++;
    manifest.functions = calloc(manifest.function_count, sizeof(*manifest.functions));
    assert_non_null(manifest.functions);
    for (size_t i = 0; i < manifest.function_count; i++) {
        manifest.functions[i].name = text("f");
        manifest.functions[i].source = text("");
        manifest.functions[i].offset = offsets[i];
        manifest.functions[i].size = 32;
    }
    assert_int_equal(hf_applied_create(&manifest, &target, &patcher, &applied, &error), 0);
    assert_null(manifest.functions);
    for (size_t i = 0; i < applied->function_count; i++)
        applied->functions[i].new_address = (void *)(code + offsets[i]);
    return applied;
}

static const uint64_t f_and_g[] = {0x100, 0x200, 0};
static const uint64_t only_g[] = {0x200, 0};
static void *const f = (void *)(BASE + 0x100);
static void *const g = (void *)(BASE + 0x200);

static struct hf_applied *a, *b, *c;

static int setup(void **state)
{
    (void)state;
    a = make(1, 0xa0000, f_and_g);
    hf_registry_add(a);
    b = make(2, 0xb0000, only_g);
    hf_registry_add(b);
    c = make(3, 0xc0000, f_and_g);
    hf_registry_add(c);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    while (hf_registry_first()) {
        struct hf_applied *first = hf_registry_first();
        hf_registry_remove(first);
        hf_applied_destroy(first);
    }
    return 0;
}

static void unknown_id_is_not_found(void **state)
{
    uint8_t id[HF_ID_SIZE] = {4};

    (void)state;
    assert_null(hf_registry_find(id));
    id[0] = 2;
    assert_ptr_equal(hf_registry_find(id), b);
    id[HF_ID_SIZE - 1] = 1;
    assert_null(hf_registry_find(id));
}

static void order_is_that_of_application(void **state)
{
    (void)state;
    assert_ptr_equal(hf_registry_first(), a);
    assert_ptr_equal(a->next, b);
    assert_ptr_equal(b->next, c);
    assert_ptr_equal(hf_registry_last(), c);
}

static void entry_knows_where_calls_went_before_it(void **state)
{
    (void)state;
    assert_ptr_equal(a->functions[0].previous_address, f);
    assert_ptr_equal(b->functions[0].previous_address, (void *)(uintptr_t)0xa0200);
    assert_ptr_equal(c->functions[0].previous_address, (void *)(uintptr_t)0xa0100);
    assert_ptr_equal(c->functions[1].previous_address, (void *)(uintptr_t)0xb0200);
}

static void only_the_newest_bundle_counts(void **state)
{
    (void)state;
    assert_false(hf_registry_counts(a, f));
    assert_false(hf_registry_counts(b, g));
    assert_true(hf_registry_counts(c, f));
    assert_true(hf_registry_counts(c, g));
}

static void previous_skips_what_was_taken_out(void **state)
{
    (void)state;
    assert_ptr_equal(hf_registry_previous(c, g), (void *)(uintptr_t)0xb0200);
    hf_registry_remove(b);
    hf_applied_destroy(b);
    assert_ptr_equal(hf_registry_previous(c, g), (void *)(uintptr_t)0xa0200);
    assert_ptr_equal(hf_registry_previous(NULL, g), (void *)(uintptr_t)0xc0200);
    hf_registry_remove(a);
    hf_applied_destroy(a);
    assert_ptr_equal(hf_registry_previous(c, g), g);
    assert_ptr_equal(hf_registry_first(), c);
    hf_registry_remove(c);
    hf_applied_destroy(c);
    assert_null(hf_registry_last());
    assert_ptr_equal(hf_registry_previous(NULL, g), g);
}

static void what_is_superseded_does_not_remain(void **state)
{
    uint8_t ids[2][HF_ID_SIZE] = {{3}, {9}};
    struct hf_manifest manifest = {.supersedes = {ids, 2}};

    (void)state;
    assert_false(hf_registry_supersedes(&manifest, a));
    assert_true(hf_registry_supersedes(&manifest, c));
    assert_ptr_equal(hf_registry_remaining(&manifest, f), (void *)(uintptr_t)0xa0100);
    assert_ptr_equal(hf_registry_remaining(&manifest, g), (void *)(uintptr_t)0xb0200);
    ids[1][0] = 1;
    assert_ptr_equal(hf_registry_remaining(&manifest, f), f);
    assert_ptr_equal(hf_registry_remaining(&manifest, g), (void *)(uintptr_t)0xb0200);
    manifest.supersedes.count = 0;
    assert_ptr_equal(hf_registry_remaining(&manifest, g), (void *)(uintptr_t)0xc0200);
}

static void overlap_is_found_by_any_shared_byte(void **state)
{
    const struct hf_applied *owner = NULL;

    (void)state;
    assert_null(hf_registry_overlap((uint8_t *)f - 8, 8, &owner));
    assert_null(hf_registry_overlap((uint8_t *)f + 32, 8, &owner));
    assert_ptr_equal(hf_registry_overlap((uint8_t *)f - 8, 9, &owner), &c->functions[0]);
    assert_ptr_equal(owner, c);
    assert_ptr_equal(hf_registry_overlap((uint8_t *)g + 31, 1, &owner), &c->functions[1]);
    assert_ptr_equal(hf_registry_overlap(f, 0x1000, &owner), &c->functions[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(unknown_id_is_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(order_is_that_of_application, setup, teardown),
        cmocka_unit_test_setup_teardown(entry_knows_where_calls_went_before_it, setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_newest_bundle_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(previous_skips_what_was_taken_out, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_superseded_does_not_remain, setup, teardown),
        cmocka_unit_test_setup_teardown(overlap_is_found_by_any_shared_byte, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
