/* SPDX-License-Identifier: Apache-2.0 */
#include "trust.h"

#include "manifest_fixture.h"

static struct hf_trust trust;

/* Writes a new public key with this mode and gives it. */
static struct hf_public_key new_key(const char *path, mode_t mode)
{
    struct hf_private_key *key;
    struct hf_public_key public_key;

    assert_done(hf_private_key_generate(&key, ERR));
    assert_done(hf_private_key_public(key, &public_key, ERR));
    hf_private_key_destroy(key);
    unlink(path);
    assert_done(hf_public_key_write(&public_key, path, ERR));
    assert_int_equal(chmod(path, mode), 0);
    return public_key;
}

static const char *new_directory(const char *name, mode_t mode)
{
    const char *path = fixture_path(name);

    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static void a_store_that_is_missing_or_empty_is_refused(void **state)
{
    (void)state;
    assert_refused(hf_trust_read(fixture_path("none"), &trust, ERR), HOTFIX_IO, "No such file or directory");
    const char *empty = new_directory("empty", 0755);
    assert_refused(hf_trust_read(empty, &trust, ERR), HOTFIX_TRUST, "holds no *.pub key");
    new_key(fixture_path("empty/.hidden.pub"), 0644);
    new_key(fixture_path("empty/release.pem"), 0644);
    new_key(fixture_path("empty/.pub"), 0644);
    assert_refused(hf_trust_read(empty, &trust, ERR), HOTFIX_TRUST, "holds no *.pub key");
    assert_int_equal(mkfifo(fixture_path("pipe.pub"), 0644), 0);
    assert_refused(hf_trust_read(fixture_path("pipe.pub"), &trust, ERR), HOTFIX_IO, "is not a regular file");
}

static void a_store_that_others_may_write_is_refused(void **state)
{
    static const mode_t modes[] = {0664, 0646, 0666};

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        new_key(fixture_path("loose.pub"), modes[i]);
        assert_refused(hf_trust_read(fixture_path("loose.pub"), &trust, ERR), HOTFIX_TRUST, "chmod go-w");
    }
    const char *open = new_directory("open", 01777);
    new_key(fixture_path("open/a.pub"), 0644);
    assert_refused(hf_trust_read(open, &trust, ERR), HOTFIX_TRUST, "chmod go-w");
    const char *mixed = new_directory("mixed", 0755);
    new_key(fixture_path("mixed/a.pub"), 0644);
    new_key(fixture_path("mixed/b.pub"), 0664);
    assert_refused(hf_trust_read(mixed, &trust, ERR), HOTFIX_TRUST, "b.pub");
}

static void one_unusable_key_makes_the_store_unusable(void **state)
{
    (void)state;
    const char *path = new_directory("damaged", 0755);
    new_key(fixture_path("damaged/a.pub"), 0644);
    fixture_write(fixture_path("damaged/b.pub"), "garbage", 7, 0644);
    assert_refused(hf_trust_read(path, &trust, ERR), HOTFIX_TRUST, "b.pub: holds no PEM public key");
    assert_int_equal(unlink(fixture_path("damaged/b.pub")), 0);
    assert_int_equal(mkdir(fixture_path("damaged/b.pub"), 0755), 0);
    assert_refused(hf_trust_read(path, &trust, ERR), HOTFIX_IO, "b.pub: is not a regular file");
    assert_null(trust.keys);
    assert_int_equal(trust.count, 0);
}

static void more_keys_than_the_limit_are_refused(void **state)
{
    char name[32];

    (void)state;
    new_directory("many", 0755);
    struct hf_public_key key = new_key(fixture_path("many/key.pub"), 0644);
    for (int i = 0; i < HF_TRUST_MAX_KEYS; i++) {
        snprintf(name, sizeof(name), "many/%d.pub", i);
        assert_done(hf_public_key_write(&key, fixture_path(name), ERR));
    }
    assert_refused(hf_trust_read(fixture_path("many"), &trust, ERR), HOTFIX_TRUST, "more than 256 keys");
}

static void a_directory_gives_its_keys_in_the_order_of_their_names(void **state)
{
    (void)state;
    const char *path = new_directory("store", 0755);
    struct hf_public_key zoe = new_key(fixture_path("store/zoe.pub"), 0644);
    struct hf_public_key adam = new_key(fixture_path("store/adam.pub"), 0444);
    fixture_write(fixture_path("store/README"), "text", 4, 0666);
    assert_done(hf_trust_read(path, &trust, ERR));
    assert_int_equal(trust.count, 2);
    assert_string_equal(trust.keys[0].name, "adam");
    assert_string_equal(trust.keys[1].name, "zoe");
    assert_ptr_equal(hf_trust_find(&trust, zoe.id), &trust.keys[1]);
    assert_ptr_equal(hf_trust_find(&trust, adam.id), &trust.keys[0]);
    adam.id[HF_KEY_ID_SIZE - 1] ^= 1;
    assert_null(hf_trust_find(&trust, adam.id));
    hf_trust_deinit(&trust);
    assert_int_equal(trust.count, 0);
    assert_null(hf_trust_find(&trust, zoe.id));
}

static void a_file_is_a_store_of_one_key(void **state)
{
    (void)state;
    struct hf_public_key key = new_key(fixture_path("single.pub"), 0644);
    assert_done(hf_trust_read(fixture_path("single.pub"), &trust, ERR));
    assert_int_equal(trust.count, 1);
    assert_string_equal(trust.keys[0].name, "single");
    assert_memory_equal(&trust.keys[0].key, &key, sizeof(key));
    hf_trust_deinit(&trust);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_that_is_missing_or_empty_is_refused),
        cmocka_unit_test(a_store_that_others_may_write_is_refused),
        cmocka_unit_test(one_unusable_key_makes_the_store_unusable),
        cmocka_unit_test(more_keys_than_the_limit_are_refused),
        cmocka_unit_test(a_directory_gives_its_keys_in_the_order_of_their_names),
        cmocka_unit_test(a_file_is_a_store_of_one_key),
    };
    return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
