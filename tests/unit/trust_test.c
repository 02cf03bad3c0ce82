/* SPDX-License-Identifier: Apache-2.0 */
#include "trust.h"
#include "truststore.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

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

static void symbolic_links_in_a_store_are_refused(void **state)
{
    (void)state;
    const char *path = new_directory("linked", 0755);
    new_key(fixture_path("outside.pub"), 0644);
    assert_int_equal(symlink("../outside.pub", fixture_path("linked/a.pub")), 0);
    assert_refused(hf_trust_read(path, &trust, ERR), HOTFIX_TRUST, "linked/a.pub: is a symbolic link");
    assert_int_equal(unlink(fixture_path("linked/a.pub")), 0);
    new_key(fixture_path("linked/b.pub"), 0644);
    assert_int_equal(symlink("b.pub", fixture_path("linked/trust.ini")), 0);
    assert_refused(hf_trust_read(path, &trust, ERR), HOTFIX_TRUST, "linked/trust.ini: is a symbolic link");
}

/* The store itself may be reached through one: its place is what it leads to. */
static void a_link_to_a_store_is_the_store(void **state)
{
    (void)state;
    new_directory("real", 0755);
    new_key(fixture_path("real/a.pub"), 0644);
    assert_int_equal(symlink("real", fixture_path("alias")), 0);
    assert_done(hf_trust_read(fixture_path("alias"), &trust, ERR));
    hf_trust_deinit(&trust);
    assert_int_equal(chmod(fixture_path("real"), 0777), 0);
    assert_refused(hf_trust_read(fixture_path("alias"), &trust, ERR), HOTFIX_TRUST, "chmod go-w");
}

static void a_store_below_a_directory_that_others_may_write_is_refused(void **state)
{
    (void)state;
    new_directory("above", 0755);
    new_directory("above/store", 0755);
    new_key(fixture_path("above/store/a.pub"), 0644);
    assert_int_equal(chmod(fixture_path("above"), 0770), 0);
    assert_refused(hf_trust_read(fixture_path("above/store"), &trust, ERR), HOTFIX_TRUST, "above: may be written");
    assert_refused(hf_trust_read(fixture_path("above/store/a.pub"), &trust, ERR), HOTFIX_TRUST,
                   "above: may be written");
    /* Nor is a link there, whose owner could choose another store. */
    new_directory("beside", 0755);
    new_key(fixture_path("beside/a.pub"), 0644);
    assert_int_equal(symlink("../beside", fixture_path("above/link")), 0);
    assert_refused(hf_trust_read(fixture_path("above/link"), &trust, ERR), HOTFIX_TRUST, "above: may be written");
    assert_int_equal(chmod(fixture_path("above"), 01777), 0);
    assert_done(hf_trust_read(fixture_path("above/store"), &trust, ERR));
    hf_trust_deinit(&trust);
    assert_done(hf_trust_read(fixture_path("above/link"), &trust, ERR));
    hf_trust_deinit(&trust);
}

static void what_belongs_to_another_user_is_refused(void **state)
{
    static const char *const paths[] = {"owned/trust.ini", "owned/a.pub", "owned"};

    (void)state;
    if (geteuid() != 0)
        skip();
    const char *path = new_directory("owned", 0755);
    new_key(fixture_path("owned/a.pub"), 0644);
    fixture_write(fixture_path("owned/trust.ini"), "[policy]\nkeys = 1\n", 18, 0644);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_done(hf_trust_read(path, &trust, ERR));
        hf_trust_deinit(&trust);
        if (chown(fixture_path(paths[i]), 12345, 12345) != 0) /* a user namespace without other users */
            skip();
        assert_refused(hf_trust_read(path, &trust, ERR), HOTFIX_TRUST, "belongs to user 12345");
        assert_int_equal(chown(fixture_path(paths[i]), 0, 0), 0);
    }
}

/* Each kind of thing that is no file, under the name of a key, of the policy, and of the store. */
static void what_is_no_regular_file_is_refused_without_waiting(void **state)
{
    static const char *const names[] = {"odd/a.pub", "odd/trust.ini", "odd.pub", "odd.ini"};
    static const char *const whole[] = {"odd", "odd", "odd.pub", "odd.ini"};

    (void)state;
    new_directory("odd", 0755);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *path = fixture_path(names[i]);
        assert_int_equal(mkfifo(path, 0644), 0);
        assert_refused(hf_trust_read(fixture_path(whole[i]), &trust, ERR), HOTFIX_IO, "is not a regular file");
        assert_int_equal(unlink(path), 0);
        if (mknod(path, S_IFCHR | 0644, makedev(1, 5)) == 0) {
            assert_refused(hf_trust_read(fixture_path(whole[i]), &trust, ERR), HOTFIX_IO, "");
            assert_int_equal(unlink(path), 0);
        }
    }
    assert_int_equal(mkdir(fixture_path("odd/trust.ini"), 0755), 0);
    assert_refused(hf_trust_read(fixture_path("odd"), &trust, ERR), HOTFIX_IO, "is not a regular file");
    assert_refused(hf_trust_read("/dev/zero", &trust, ERR), HOTFIX_IO, "is not a regular file");
}

/* A hole of 8 GiB takes no room on the disk, and would take it in memory. */
static void a_file_of_8_gib_is_refused_unread(void **state)
{
    static const char *const names[] = {"huge.pub", "huge.ini"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fixture_write(fixture_path(names[i]), "", 0, 0644);
        if (truncate(fixture_path(names[i]), INT64_C(8) << 30) != 0)
            skip();
        assert_refused(hf_trust_read(fixture_path(names[i]), &trust, ERR), HOTFIX_FORMAT, "8589934592 bytes");
    }
}

/* Two keys take turns under one name all the time: what is read is one of them, whole. */
static void a_key_that_is_replaced_while_it_is_read_is_one_or_the_other(void **state)
{
    (void)state;
    new_directory("busy", 0755);
    struct hf_public_key one = new_key(fixture_path("busy/one"), 0644),
                         other = new_key(fixture_path("busy/other"), 0644);
    assert_int_equal(link(fixture_path("busy/one"), fixture_path("busy/key.pub")), 0);
    pid_t child = fork();
    if (child == 0)
        for (prctl(PR_SET_PDEATHSIG, SIGKILL);;) {
            if (link(fixture_path("busy/other"), fixture_path("busy/next")) == 0)
                rename(fixture_path("busy/next"), fixture_path("busy/key.pub"));
            if (link(fixture_path("busy/one"), fixture_path("busy/next")) == 0)
                rename(fixture_path("busy/next"), fixture_path("busy/key.pub"));
            unlink(fixture_path("busy/next"));
        }
    for (int i = 0; i < 500; i++) {
        if (hf_trust_read(fixture_path("busy/key.pub"), &trust, ERR) != 0)
            fail_msg("%s", fixture_last_error.message);
        assert_int_equal(trust.count, 1);
        if (memcmp(&trust.keys[0].key, &one, sizeof(one)) != 0)
            assert_memory_equal(&trust.keys[0].key, &other, sizeof(other));
        hf_trust_deinit(&trust);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void a_policy_that_others_may_write_is_refused(void **state)
{
    (void)state;
    const char *path = new_directory("lax", 0755);
    new_key(fixture_path("lax/a.pub"), 0644);
    fixture_write(fixture_path("lax/trust.ini"), "[policy]\nkeys = 1\n", 18, 0664);
    assert_refused(hf_trust_read(path, &trust, ERR), HOTFIX_TRUST, "lax/trust.ini: may be written by other users");
    assert_refused(hf_trust_read(fixture_path("lax/trust.ini"), &trust, ERR), HOTFIX_TRUST, "may be written");
}

static void a_policy_without_keys_or_for_more_than_there_are_is_refused(void **state)
{
    (void)state;
    const char *path = new_directory("few", 0755);
    fixture_write(fixture_path("few/trust.ini"), "[policy]\nkeys = 2\n", 18, 0644);
    assert_refused(hf_trust_read(path, &trust, ERR), HOTFIX_TRUST, "holds no *.pub key");
    assert_refused(hf_trust_read(fixture_path("few/trust.ini"), &trust, ERR), HOTFIX_TRUST, "holds no *.pub key");
    struct hf_public_key key = new_key(fixture_path("few/a.pub"), 0644);
    assert_refused(hf_trust_read(path, &trust, ERR), HOTFIX_TRUST, "2 different keys must agree, but only 1");
    assert_done(hf_public_key_write(&key, fixture_path("few/b.pub"), ERR));
    assert_refused(hf_trust_read(path, &trust, ERR), HOTFIX_TRUST, "2 different keys must agree, but only 1");
    fixture_write(fixture_path("few/trust.ini"), "[policy]\nkeys = x\n", 18, 0644);
    assert_refused(hf_trust_read(path, &trust, ERR), HOTFIX_FORMAT, "few/trust.ini line 2: keys is not a number");
}

/* Whoever copies a key must not get two votes, and revoking one name of it revokes the key. */
static void a_key_that_is_there_twice_is_one_key(void **state)
{
    static const char policy[] = "[key.b]\nrole = builder\n\n[key.c]\nrole = release\nexpires = 2030-01-01\n\n"
                                 "[key.d]\nrevoked = yes\n";

    (void)state;
    const char *path = new_directory("twins", 0755);
    struct hf_public_key key = new_key(fixture_path("twins/b.pub"), 0644);
    assert_done(hf_public_key_write(&key, fixture_path("twins/c.pub"), ERR));
    new_key(fixture_path("twins/a.pub"), 0644);
    assert_done(hf_public_key_write(&key, fixture_path("twins/d.pub"), ERR));
    fixture_write(fixture_path("twins/trust.ini"), policy, strlen(policy), 0644);
    assert_done(hf_trust_read(path, &trust, ERR));
    assert_int_equal(trust.count, 2);
    assert_string_equal(trust.keys[0].name, "a");
    assert_false(trust.keys[0].revoked);
    assert_string_equal(trust.keys[1].name, "b");
    assert_string_equal(trust.keys[1].roles, "builder release");
    assert_int_equal(trust.keys[1].expires, 1893542399);
    assert_true(trust.keys[1].revoked);
    hf_trust_deinit(&trust);
}

/* Whichever name has which: the earlier end counts, and roles that only one of them has. */
static void of_two_ends_of_one_key_the_earlier_counts(void **state)
{
    static const char *const policies[] = {
        "[key.a]\nexpires = 2030-01-01\n\n[key.b]\nexpires = 2031-01-01\nrole = release\n",
        "[key.a]\nexpires = 2031-01-01\n\n[key.b]\nexpires = 2030-01-01\nrole = release\n",
        "[key.a]\nexpires = 2030-01-01\n\n[key.b]\nrole = release\n",
    };

    (void)state;
    const char *path = new_directory("ends", 0755);
    struct hf_public_key key = new_key(fixture_path("ends/a.pub"), 0644);
    assert_done(hf_public_key_write(&key, fixture_path("ends/b.pub"), ERR));
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        fixture_write(fixture_path("ends/trust.ini"), policies[i], strlen(policies[i]), 0644);
        assert_done(hf_trust_read(path, &trust, ERR));
        assert_int_equal(trust.count, 1);
        assert_int_equal(trust.keys[0].expires, 1893542399);
        assert_string_equal(trust.keys[0].roles, "release");
        hf_trust_deinit(&trust);
    }
    /* A key has no revocation lists. */
    fixture_write(fixture_path("ends/a.crl.pem"), "text", 4, 0644);
    assert_refused(hf_trust_read(path, &trust, ERR), HOTFIX_TRUST, "there is no authority a.ca.pem beside it");
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
        cmocka_unit_test(symbolic_links_in_a_store_are_refused),
        cmocka_unit_test(a_link_to_a_store_is_the_store),
        cmocka_unit_test(a_store_below_a_directory_that_others_may_write_is_refused),
        cmocka_unit_test(what_belongs_to_another_user_is_refused),
        cmocka_unit_test(what_is_no_regular_file_is_refused_without_waiting),
        cmocka_unit_test(a_file_of_8_gib_is_refused_unread),
        cmocka_unit_test(a_key_that_is_replaced_while_it_is_read_is_one_or_the_other),
        cmocka_unit_test(a_policy_that_others_may_write_is_refused),
        cmocka_unit_test(a_policy_without_keys_or_for_more_than_there_are_is_refused),
        cmocka_unit_test(a_key_that_is_there_twice_is_one_key),
        cmocka_unit_test(of_two_ends_of_one_key_the_earlier_counts),
        cmocka_unit_test(a_directory_gives_its_keys_in_the_order_of_their_names),
        cmocka_unit_test(a_file_is_a_store_of_one_key),
    };
    return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
