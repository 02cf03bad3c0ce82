/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX ACLs that let somebody else write: on the trust store, the state, and the staging directory. */
#include <errno.h>
#include <sys/xattr.h>

#include "manifest_fixture.h"
#include "owned.h"
#include "stage/patchfile.h"
#include "truststore.h"
#include "verify/ratchet.h"

#define SOMEBODY 12345
#define STATE    "[state]\nformat = 2\n"

enum { READ = 4, WRITE = 2 };

/* As acl(5) and the kernel's uapi/linux/posix_acl_xattr.h have them. */
struct entry {
    uint16_t tag;
    uint16_t permissions;
    uint32_t id;
};
struct list {
    uint32_t version;
    struct entry entries[5];
};
enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, MASK = 16, OTHER = 32, NOBODY = -1 };

/* Gives somebody else these rights; the mode's other bits stay. False where there are no ACLs. */
static bool grant(const char *path, const char *attribute, uint16_t permissions)
{
    const struct list list = {2,
                              {{USER_OBJ, 7, (uint32_t)NOBODY},
                               {USER, permissions, SOMEBODY},
                               {GROUP_OBJ, READ, (uint32_t)NOBODY},
                               {MASK, permissions, (uint32_t)NOBODY},
                               {OTHER, READ, (uint32_t)NOBODY}}};

    if (setxattr(path, attribute, &list, sizeof(list), 0) == 0)
        return true;
    assert_true(errno == EOPNOTSUPP || errno == EINVAL);
    return false;
}

static struct fixture_signer signer;
static char *store, *key_file, *policy_file;

static int read_store(struct hotfix_error *err)
{
    struct hf_trust trust;
    int result = hf_trust_read(store, &trust, err);

    if (result == 0)
        hf_trust_deinit(&trust);
    return result;
}

static int make_store(void **state)
{
    if (fixture_enter(state) != 0)
        return -1;
    fixture_signer(&signer);
    store = strdup(fixture_path("acl"));
    key_file = strdup(fixture_path("acl/release.pub"));
    policy_file = strdup(fixture_path("acl/trust.ini"));
    assert_int_equal(mkdir(store, 0755), 0);
    assert_done(hf_public_key_write(&signer.public_key, key_file, ERR));
    fixture_write(policy_file, "[policy]\nkeys = 1\n", strlen("[policy]\nkeys = 1\n"), 0644);
    assert_done(read_store(ERR));
    return 0;
}

static int drop_store(void **state)
{
    free(store);
    free(key_file);
    free(policy_file);
    hf_private_key_destroy(signer.key);
    return fixture_leave(state);
}

static void a_store_that_somebody_may_write_is_refused(void **state)
{
    const char *const paths[] = {store, key_file, policy_file};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        if (!grant(paths[i], "system.posix_acl_access", READ | WRITE))
            skip();
        assert_refused(read_store(ERR), HOTFIX_TRUST, "may be written by other users");
        assert_true(grant(paths[i], "system.posix_acl_access", READ | 1));
        assert_done(read_store(ERR));
        removexattr(paths[i], "system.posix_acl_access");
    }
}

/* It sets what files that are made in the directory begin with. */
static void a_default_list_opens_nothing_that_is_made(void **state)
{
    char *directory = strdup(fixture_path("private")), *file = strdup(fixture_path("private/state")), *path;
    struct hf_trust_key key = {.name = (char[]){"release"}, .key = signer.public_key};
    struct hf_trust trust = {.keys = &key, .count = 1};
    struct hf_signers signers = {.keys = {&key}, .count = 1};
    struct hf_manifest manifest = {.target_name = (char[]){"webapp"}, .sequence = 5};
    struct stat status;

    (void)state;
    assert_int_equal(mkdir(directory, 0700), 0);
    fixture_write(file, STATE, strlen(STATE), 0600);
    if (!grant(directory, "system.posix_acl_default", READ | WRITE))
        skip();
    assert_done(hf_ratchet_path(file, &path, ERR));
    assert_done(hf_ratchet_advance(path, &trust, &signers, &manifest, 1000000000, ERR));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    manifest.sequence = 4;
    assert_refused(hf_ratchet_check(path, &trust, &manifest, ERR), HOTFIX_REPLAYED, "is an old one");

    assert_true(grant(path, "system.posix_acl_access", READ | WRITE));
    assert_refused(hf_ratchet_check(path, &trust, &manifest, ERR), HOTFIX_TRUST, "may be written by other users");
    removexattr(path, "system.posix_acl_access");
    assert_int_equal(chmod(path, 0600), 0);
    assert_true(grant(directory, "system.posix_acl_access", 7));
    assert_refused(hf_ratchet_check(path, &trust, &manifest, ERR), HOTFIX_TRUST, "may be written by other users");
    free(path);
    assert_refused(hf_ratchet_path(file, &path, ERR), HOTFIX_TRUST, "may be written by other users");
    free(directory);
    free(file);
}

static void a_staging_directory_that_somebody_may_write_is_refused(void **state)
{
    char *directory = strdup(fixture_path("staging")), *resolved;

    (void)state;
    assert_int_equal(mkdir(directory, 0755), 0);
    if (!grant(directory, "system.posix_acl_access", 7))
        skip();
    assert_refused(hf_patchfile_directory(directory, &resolved, ERR), HOTFIX_STAGE, "may be written by other users");
    free(directory);
}

static void a_private_key_that_somebody_may_read_is_refused(void **state)
{
    char *file = strdup(fixture_path("secret.key"));
    struct hf_private_key *key;

    (void)state;
    assert_done(hf_private_key_write(signer.key, file, NULL, ERR));
    if (!grant(file, "system.posix_acl_access", READ))
        skip();
    assert_refused(hf_private_key_read(file, NULL, NULL, &key, ERR), HOTFIX_TRUST, "is open to other users");
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_that_somebody_may_write_is_refused),
        cmocka_unit_test(a_default_list_opens_nothing_that_is_made),
        cmocka_unit_test(a_staging_directory_that_somebody_may_write_is_refused),
        cmocka_unit_test(a_private_key_that_somebody_may_read_is_refused),
    };
    return cmocka_run_group_tests(tests, make_store, drop_store);
}
