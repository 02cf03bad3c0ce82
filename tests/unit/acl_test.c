/* SPDX-License-Identifier: Apache-2.0 */
#include "truststore.h"
/* POSIX ACLs that let somebody else write: on the trust store, the state, and the staging directory. */
#include "truststore.h"
#include <errno.h>
#include <sys/xattr.h>

#include "manifest_fixture.h"
#include "owned.h"
#include "stage/patchfile.h"
#include "truststore.h"
#include "verify/ratchet.h"

#include "truststore.h"
#define SOMEBODY 12345
#include "truststore.h"
#define STATE "[state]\nformat = 2\n"
#include "truststore.h"

#include "truststore.h"
enum { READ = 4, WRITE = 2 };
#include "truststore.h"

#include "truststore.h"
/* As acl(5) and the kernel's uapi/linux/posix_acl_xattr.h have them. */
#include "truststore.h"
struct entry {
#include "truststore.h"
    uint16_t tag;
#include "truststore.h"
    uint16_t permissions;
#include "truststore.h"
    uint32_t id;
#include "truststore.h"
};
#include "truststore.h"
struct list {
#include "truststore.h"
    uint32_t version;
#include "truststore.h"
    struct entry entries[5];
#include "truststore.h"
};
#include "truststore.h"
enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, MASK = 16, OTHER = 32, NOBODY = -1 };
#include "truststore.h"

#include "truststore.h"
/* Gives somebody else these rights; the mode's other bits stay. False where there are no ACLs. */
#include "truststore.h"
static bool grant(const char *path, const char *attribute, uint16_t permissions)
#include "truststore.h"
{
#include "truststore.h"
    const struct list list = {2,
#include "truststore.h"
                              {{USER_OBJ, 7, (uint32_t)NOBODY},
#include "truststore.h"
                               {USER, permissions, SOMEBODY},
#include "truststore.h"
                               {GROUP_OBJ, READ, (uint32_t)NOBODY},
#include "truststore.h"
                               {MASK, permissions, (uint32_t)NOBODY},
#include "truststore.h"
                               {OTHER, READ, (uint32_t)NOBODY}}};
#include "truststore.h"

#include "truststore.h"
    if (setxattr(path, attribute, &list, sizeof(list), 0) == 0)
#include "truststore.h"
        return true;
#include "truststore.h"
    assert_true(errno == EOPNOTSUPP || errno == EINVAL);
#include "truststore.h"
    return false;
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static struct fixture_signer signer;
#include "truststore.h"
static char *store, *key_file, *policy_file;
#include "truststore.h"

#include "truststore.h"
static int read_store(struct hotfix_error *err)
#include "truststore.h"
{
#include "truststore.h"
    struct hf_trust trust;
#include "truststore.h"
    int result = hf_trust_read(store, &trust, err);
#include "truststore.h"

#include "truststore.h"
    if (result == 0)
#include "truststore.h"
        hf_trust_deinit(&trust);
#include "truststore.h"
    return result;
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static int make_store(void **state)
#include "truststore.h"
{
#include "truststore.h"
    if (fixture_enter(state) != 0)
#include "truststore.h"
        return -1;
#include "truststore.h"
    fixture_signer(&signer);
#include "truststore.h"
    store = strdup(fixture_path("acl"));
#include "truststore.h"
    key_file = strdup(fixture_path("acl/release.pub"));
#include "truststore.h"
    policy_file = strdup(fixture_path("acl/trust.ini"));
#include "truststore.h"
    assert_int_equal(mkdir(store, 0755), 0);
#include "truststore.h"
    assert_done(hf_public_key_write(&signer.public_key, key_file, ERR));
#include "truststore.h"
    fixture_write(policy_file, "[policy]\nkeys = 1\n", strlen("[policy]\nkeys = 1\n"), 0644);
#include "truststore.h"
    assert_done(read_store(ERR));
#include "truststore.h"
    return 0;
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static int drop_store(void **state)
#include "truststore.h"
{
#include "truststore.h"
    free(store);
#include "truststore.h"
    free(key_file);
#include "truststore.h"
    free(policy_file);
#include "truststore.h"
    hf_private_key_destroy(signer.key);
#include "truststore.h"
    return fixture_leave(state);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void a_store_that_somebody_may_write_is_refused(void **state)
#include "truststore.h"
{
#include "truststore.h"
    const char *const paths[] = {store, key_file, policy_file};
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    for (size_t i = 0; i < 3; i++) {
#include "truststore.h"
        if (!grant(paths[i], "system.posix_acl_access", READ | WRITE))
#include "truststore.h"
            skip();
#include "truststore.h"
        assert_refused(read_store(ERR), HOTFIX_TRUST, "may be written by other users");
#include "truststore.h"
        assert_true(grant(paths[i], "system.posix_acl_access", READ | 1));
#include "truststore.h"
        assert_done(read_store(ERR));
#include "truststore.h"
        removexattr(paths[i], "system.posix_acl_access");
#include "truststore.h"
    }
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* It sets what files that are made in the directory begin with. */
#include "truststore.h"
static void a_default_list_opens_nothing_that_is_made(void **state)
#include "truststore.h"
{
#include "truststore.h"
    char *directory = strdup(fixture_path("private")), *file = strdup(fixture_path("private/state")), *path;
#include "truststore.h"
    struct hf_trust_key key = {.name = (char[]){"release"}, .key = signer.public_key};
#include "truststore.h"
    struct hf_trust trust = {.keys = &key, .count = 1};
#include "truststore.h"
    struct hf_signers signers = {.keys = {&key}, .count = 1};
#include "truststore.h"
    struct hf_manifest manifest = {.target_name = (char[]){"webapp"}, .sequence = 5};
#include "truststore.h"
    struct stat status;
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    assert_int_equal(mkdir(directory, 0700), 0);
#include "truststore.h"
    fixture_write(file, STATE, strlen(STATE), 0600);
#include "truststore.h"
    if (!grant(directory, "system.posix_acl_default", READ | WRITE))
#include "truststore.h"
        skip();
#include "truststore.h"
    assert_done(hf_ratchet_path(file, &path, ERR));
#include "truststore.h"
    assert_done(hf_ratchet_advance(path, &trust, &signers, &manifest, 1000000000, ERR));
#include "truststore.h"
    assert_int_equal(stat(path, &status), 0);
#include "truststore.h"
    assert_int_equal(status.st_mode & 07777, 0600);
#include "truststore.h"
    manifest.sequence = 4;
#include "truststore.h"
    assert_refused(hf_ratchet_check(path, &trust, &manifest, ERR), HOTFIX_REPLAYED, "is an old one");
#include "truststore.h"

#include "truststore.h"
    assert_true(grant(path, "system.posix_acl_access", READ | WRITE));
#include "truststore.h"
    assert_refused(hf_ratchet_check(path, &trust, &manifest, ERR), HOTFIX_TRUST, "may be written by other users");
#include "truststore.h"
    removexattr(path, "system.posix_acl_access");
#include "truststore.h"
    assert_int_equal(chmod(path, 0600), 0);
#include "truststore.h"
    assert_true(grant(directory, "system.posix_acl_access", 7));
#include "truststore.h"
    assert_refused(hf_ratchet_check(path, &trust, &manifest, ERR), HOTFIX_TRUST, "may be written by other users");
#include "truststore.h"
    free(path);
#include "truststore.h"
    assert_refused(hf_ratchet_path(file, &path, ERR), HOTFIX_TRUST, "may be written by other users");
#include "truststore.h"
    free(directory);
#include "truststore.h"
    free(file);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void a_staging_directory_that_somebody_may_write_is_refused(void **state)
#include "truststore.h"
{
#include "truststore.h"
    char *directory = strdup(fixture_path("staging")), *resolved;
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    assert_int_equal(mkdir(directory, 0755), 0);
#include "truststore.h"
    if (!grant(directory, "system.posix_acl_access", 7))
#include "truststore.h"
        skip();
#include "truststore.h"
    assert_refused(hf_patchfile_directory(directory, &resolved, ERR), HOTFIX_STAGE, "may be written by other users");
#include "truststore.h"
    free(directory);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void a_private_key_that_somebody_may_read_is_refused(void **state)
#include "truststore.h"
{
#include "truststore.h"
    char *file = strdup(fixture_path("secret.key"));
#include "truststore.h"
    struct hf_private_key *key;
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    assert_done(hf_private_key_write(signer.key, file, NULL, ERR));
#include "truststore.h"
    if (!grant(file, "system.posix_acl_access", READ))
#include "truststore.h"
        skip();
#include "truststore.h"
    assert_refused(hf_private_key_read(file, NULL, NULL, &key, ERR), HOTFIX_TRUST, "is open to other users");
#include "truststore.h"
    free(file);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
int main(void)
#include "truststore.h"
{
#include "truststore.h"
    const struct CMUnitTest tests[] = {
#include "truststore.h"
        cmocka_unit_test(a_store_that_somebody_may_write_is_refused),
#include "truststore.h"
        cmocka_unit_test(a_default_list_opens_nothing_that_is_made),
#include "truststore.h"
        cmocka_unit_test(a_staging_directory_that_somebody_may_write_is_refused),
#include "truststore.h"
        cmocka_unit_test(a_private_key_that_somebody_may_read_is_refused),
#include "truststore.h"
    };
#include "truststore.h"
    return cmocka_run_group_tests(tests, make_store, drop_store);
#include "truststore.h"
}
#include "truststore.h"
