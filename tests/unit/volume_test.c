/* SPDX-License-Identifier: Apache-2.0 */
/* Trust stores as Kubernetes mounts them: links through one link to the directory of a version, which is swapped whole.
 */
#include "file.h"
#include "trust.h"
#include "truststore.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "manifest_fixture.h"
#include "sanitized.h"

enum { STRANGER = 65534 };

static const char two_of_two[] = "[policy]\nkeys = 2\n";

static struct hf_trust trust;
static struct hf_public_key keys[4];

static void make_directory(const char *name, mode_t mode)
{
    assert_int_equal(mkdir(fixture_path(name), 0700), 0);
    assert_int_equal(chmod(fixture_path(name), mode), 0);
}

static void make_link(const char *target, const char *name)
{
    unlink(fixture_path(name));
    assert_int_equal(symlink(target, fixture_path(name)), 0);
}

/* What is in the volume. */
static const char *in(const char *volume, const char *name)
{
    static char paths[4][64];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", volume, name);
    return path;
}

/* A volume with two keys and a policy, as the kubelet leaves it: anybody may write beside the links. */
static const char *make_volume(void)
{
    static unsigned number;
    static char name[32];

    snprintf(name, sizeof(name), "volume%u", number++);
    make_directory(name, 01777);
    make_directory(in(name, "..2026_01"), 0755);
    assert_done(hf_public_key_write(&keys[0], fixture_path(in(name, "..2026_01/a.pub")), ERR));
    assert_done(hf_public_key_write(&keys[1], fixture_path(in(name, "..2026_01/b.pub")), ERR));
    fixture_write(fixture_path(in(name, "..2026_01/trust.ini")), two_of_two, sizeof(two_of_two) - 1, 0644);
    make_link("..2026_01", in(name, "..data"));
    make_link("..data/a.pub", in(name, "a.pub"));
    make_link("..data/b.pub", in(name, "b.pub"));
    make_link("..data/trust.ini", in(name, "trust.ini"));
    return name;
}

static void a_volume_is_a_store(void **state)
{
    const char *volume = make_volume();

    (void)state;
    assert_done(hf_trust_read(fixture_path(volume), &trust, ERR));
    assert_int_equal(trust.count, 2);
    assert_int_equal(trust.policy.keys, 2);
    assert_string_equal(trust.keys[0].name, "a");
    assert_memory_equal(&trust.keys[0].key, &keys[0], sizeof(keys[0]));
    hf_trust_deinit(&trust);
}

static void what_would_not_be_read_may_not_lie_beside(void **state)
{
    const char *volume = make_volume();

    (void)state;
    unlink(fixture_path(in(volume, "trust.ini")));
    fixture_write(fixture_path(in(volume, "trust.ini")), two_of_two, sizeof(two_of_two) - 1, 0644);
    assert_refused(hf_trust_read(fixture_path(volume), &trust, ERR), HOTFIX_TRUST,
                   "trust.ini: is not a link to ..data/trust.ini, and beside ..data only such links may lie");
    make_link("..data/b.pub", in(volume, "trust.ini"));
    assert_refused(hf_trust_read(fixture_path(volume), &trust, ERR), HOTFIX_TRUST, "is not a link to ..data/trust.ini");
    make_link("..data/trust.ini", in(volume, "trust.ini"));
    static const char *const elsewhere[] = {"../a.pub", "nodata/c.pub", "..data/../c.pub", "c.pub"};
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        make_link(elsewhere[i], in(volume, "c.pub"));
        assert_refused(hf_trust_read(fixture_path(volume), &trust, ERR), HOTFIX_TRUST, "c.pub: is not a link to");
    }
    unlink(fixture_path(in(volume, "c.pub")));
    /* A list of what is revoked, above all. */
    static const char *const kinds[] = {"c.pub", "c.ca.pem", "c.crl.pem"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        fixture_write(fixture_path(in(volume, kinds[i])), "n", 1, 0644);
        assert_refused(hf_trust_read(fixture_path(volume), &trust, ERR), HOTFIX_TRUST, "is not a link to");
        assert_non_null(strstr(fixture_last_error.message, kinds[i]));
        unlink(fixture_path(in(volume, kinds[i])));
    }
    fixture_write(fixture_path(in(volume, "notes")), "n", 1, 0666);
    assert_done(hf_trust_read(fixture_path(volume), &trust, ERR));
    hf_trust_deinit(&trust);
}

static void the_version_lies_beside_in_safe_hands(void **state)
{
    static const char *const targets[] = {"../elsewhere", "..", ".", "/etc", "..2026_01/."};
    const char *volume = make_volume();

    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        make_link(targets[i], in(volume, "..data"));
        assert_refused(hf_trust_read(fixture_path(volume), &trust, ERR), HOTFIX_TRUST,
                       "..data: does not lead to a directory beside it");
    }
    make_link("..2025_12", in(volume, "..data"));
    assert_refused(hf_trust_read(fixture_path(volume), &trust, ERR), HOTFIX_IO, "..2025_12: cannot be opened");
    make_link("..2026_01", in(volume, "..2025_12"));
    assert_refused(hf_trust_read(fixture_path(volume), &trust, ERR), HOTFIX_IO, "..2025_12: cannot be opened");
    make_link("..2026_01", in(volume, "..data"));
    assert_int_equal(chmod(fixture_path(in(volume, "..2026_01")), 01777), 0);
    assert_refused(hf_trust_read(fixture_path(volume), &trust, ERR), HOTFIX_TRUST, "may be written by other users");
    assert_int_equal(chmod(fixture_path(in(volume, "..2026_01")), 0755), 0);
    assert_int_equal(chmod(fixture_path(in(volume, "..2026_01/trust.ini")), 0666), 0);
    assert_refused(hf_trust_read(fixture_path(volume), &trust, ERR), HOTFIX_TRUST, "trust.ini: may be written by");
    assert_int_equal(chmod(fixture_path(in(volume, "..2026_01/trust.ini")), 0644), 0);
    assert_int_equal(chmod(fixture_path(volume), 0777), 0);
    assert_refused(hf_trust_read(fixture_path(volume), &trust, ERR), HOTFIX_TRUST, "may be written by other users");
}

static void links_of_strangers_are_refused(void **state)
{
    static const char *const links[] = {"..data", "a.pub", "trust.ini"};
    const char *volume = make_volume();

    (void)state;
    if (lchown(fixture_path(in(volume, "b.pub")), STRANGER, STRANGER) != 0 ||
        lchown(fixture_path(in(volume, "b.pub")), 0, 0) != 0)
        skip(); /* not root, or root of a namespace without strangers */
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        assert_int_equal(lchown(fixture_path(in(volume, links[i])), STRANGER, STRANGER), 0);
        assert_refused(hf_trust_read(fixture_path(volume), &trust, ERR), HOTFIX_TRUST, "belongs to user 65534");
        assert_non_null(strstr(fixture_last_error.message, links[i]));
        assert_int_equal(lchown(fixture_path(in(volume, links[i])), 0, 0), 0);
    }
    assert_int_equal(chown(fixture_path(in(volume, "..2026_01")), STRANGER, STRANGER), 0);
    assert_refused(hf_trust_read(fixture_path(volume), &trust, ERR), HOTFIX_TRUST, "belongs to user 65534");
}

static const char *file_of(const char *volume, const char *version, const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s/%s", volume, version, name);
    return fixture_path(path);
}

/* A version with these two keys and the policy, which the link leads to afterwards; the one before is taken away. */
static void swap(const char *volume, const char *version, const struct hf_public_key pair[2], const char *before)
{
    mkdir(fixture_path(in(volume, version)), 0755);
    hf_public_key_write(&pair[0], file_of(volume, version, "a.pub"), NULL);
    hf_public_key_write(&pair[1], file_of(volume, version, "b.pub"), NULL);
    hf_file_write(file_of(volume, version, "trust.ini"), two_of_two, sizeof(two_of_two) - 1, 0644, false, NULL);
    if (symlink(version, fixture_path(in(volume, "..data_tmp"))) == 0)
        rename(fixture_path(in(volume, "..data_tmp")), fixture_path(in(volume, "..data")));
    unlink(file_of(volume, before, "trust.ini"));
    unlink(file_of(volume, before, "a.pub"));
    unlink(file_of(volume, before, "b.pub"));
    rmdir(fixture_path(in(volume, before)));
}

static void a_volume_that_is_swapped_while_it_is_read_is_one_version(void **state)
{
    const char *volume = make_volume();
    unsigned read = 0;

    (void)state;
    pid_t child = fork();
    if (child == 0)
        for (prctl(PR_SET_PDEATHSIG, SIGKILL);;) {
            swap(volume, "..2026_02", &keys[2], "..2026_01");
            swap(volume, "..2026_01", &keys[0], "..2026_02");
        }
    while (read < 100) {
        if (hf_trust_read(fixture_path(volume), &trust, ERR) != 0) {
            if (fixture_last_error.code != HOTFIX_IO || !strstr(fixture_last_error.message, "each time that it was"))
                fail_msg("%s", fixture_last_error.message);
            continue;
        }
        assert_int_equal(trust.count, 2);
        assert_int_equal(trust.policy.keys, 2);
        bool first = memcmp(&trust.keys[0].key, &keys[0], sizeof(keys[0])) == 0;
        assert_memory_equal(&trust.keys[0].key, &keys[first ? 0 : 2], sizeof(keys[0]));
        assert_memory_equal(&trust.keys[1].key, &keys[first ? 1 : 3], sizeof(keys[0]));
        hf_trust_deinit(&trust);
        read++;
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static const char *swapped; /* the volume that is another version when its link is read once more */
static unsigned links_read;

#if !SANITIZED
/* In the place of the C library's, for everything in this program. */
ssize_t readlinkat(int directory, const char *path, char *buffer, size_t size)
{
    if (swapped && strcmp(path, "..data") == 0 && ++links_read == 3) {
        const char *volume = swapped;
        swapped = NULL;
        swap(volume, "..2026_02", &keys[2], "..2026_01");
    }
    return syscall(SYS_readlinkat, directory, path, buffer, size);
}
#endif

/* Between the last of its files and the look at the link: what was read is of a version that is gone. */
static void a_version_that_is_replaced_before_the_end_does_not_count(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    swapped = make_volume();
    links_read = 0;
    assert_done(hf_trust_read(fixture_path(swapped), &trust, ERR));
    assert_null(swapped);
    assert_int_equal(trust.count, 2);
    assert_memory_equal(&trust.keys[0].key, &keys[2], sizeof(keys[0]));
    assert_memory_equal(&trust.keys[1].key, &keys[3], sizeof(keys[0]));
    hf_trust_deinit(&trust);
}

static int enter(void **state)
{
    fixture_enter(state);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct hf_private_key *key;
        assert_done(hf_private_key_generate(&key, ERR));
        assert_done(hf_private_key_public(key, &keys[i], ERR));
        hf_private_key_destroy(key);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_volume_is_a_store),
        cmocka_unit_test(what_would_not_be_read_may_not_lie_beside),
        cmocka_unit_test(the_version_lies_beside_in_safe_hands),
        cmocka_unit_test(links_of_strangers_are_refused),
        cmocka_unit_test(a_version_that_is_replaced_before_the_end_does_not_count),
        cmocka_unit_test(a_volume_that_is_swapped_while_it_is_read_is_one_version),
    };

    return cmocka_run_group_tests(tests, enter, fixture_leave);
}
