/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures that are put into a bundle: each verified first, each key's once, in the place of a bad one. */
#include "sign/countersign.h"

#include <string.h>

#include "manifest_fixture.h"

static const char archive[] = "not looked at here";
static struct hf_private_key *key;
static struct hf_public_key public_key;
static struct hf_signed parts;

static int setup(void **state)
{
    (void)state;
    parts = (struct hf_signed){.archive = (const uint8_t *)archive, .archive_size = sizeof(archive)};
    assert_done(hf_private_key_generate(&key, ERR));
    assert_done(hf_private_key_public(key, &public_key, ERR));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hf_private_key_destroy(key);
    return 0;
}

static void a_signature_over_something_else_is_refused(void **state)
{
    uint8_t bytes[HF_SIGNATURE_SIZE];

    (void)state;
    assert_done(hf_private_key_sign(key, "else", 4, bytes, ERR));
    assert_refused(hf_countersign_import(&parts, &public_key, bytes, ERR), HOTFIX_SIGNATURE, "");
    assert_int_equal(parts.signature_count, 0);
    assert_refused(hf_countersigned(&parts, &public_key, ERR), HOTFIX_SIGNATURE, "");
}

static void so_is_one_by_another_key(void **state)
{
    char statement[HF_STATEMENT_MAX];
    uint8_t bytes[HF_SIGNATURE_SIZE];
    struct hf_private_key *other = NULL;
    size_t size;

    (void)state;
    assert_done(hf_private_key_generate(&other, ERR));
    assert_done(hf_statement(archive, sizeof(archive), statement, &size, ERR));
    assert_done(hf_private_key_sign(other, statement, size, bytes, ERR));
    hf_private_key_destroy(other);
    assert_refused(hf_countersign_import(&parts, &public_key, bytes, ERR), HOTFIX_SIGNATURE, "");
    assert_int_equal(parts.signature_count, 0);
}

static void a_key_signs_once(void **state)
{
    (void)state;
    assert_int_equal(hf_countersign(&parts, key, ERR), 0);
    assert_int_equal(hf_countersign(&parts, key, ERR), 1);
    assert_int_equal(parts.signature_count, 1);
    assert_done(hf_countersigned(&parts, &public_key, ERR));
}

static void a_bad_signature_by_the_key_is_replaced(void **state)
{
    (void)state;
    assert_int_equal(hf_countersign(&parts, key, ERR), 0);
    parts.signatures[0].bytes[7] ^= 1;
    assert_refused(hf_countersigned(&parts, &public_key, ERR), HOTFIX_SIGNATURE, "");
    assert_int_equal(hf_countersign(&parts, key, ERR), 0);
    assert_int_equal(parts.signature_count, 1);
    assert_done(hf_countersigned(&parts, &public_key, ERR));
}

static void a_full_block_has_no_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < HF_SIGNATURE_MAX; i++)
        memset(parts.signatures[i].key_id, (int)i, HF_KEY_ID_SIZE);
    parts.signature_count = HF_SIGNATURE_MAX;
    assert_refused(hf_countersign(&parts, key, ERR), HOTFIX_FORMAT, "");
    assert_int_equal(parts.signature_count, HF_SIGNATURE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_signature_over_something_else_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(so_is_one_by_another_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_signs_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_signature_by_the_key_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_block_has_no_room, setup, teardown),
    };

    return cmocka_run_group_tests_name("countersign", tests, NULL, NULL);
}
