/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/certified.h"

#include "certificate_fixture.h"
#include "cms.h"
#include "x509/issue.h"

static const char message[] = "hotfix bundle 1\n";
static uint8_t *der;
static size_t size;
static uint8_t id[HF_KEY_ID_SIZE];

static struct hf_private_key *key_of(const struct fixture_identity *identity)
{
    struct hf_private_key *key;
    const char *path = fixture_path("identity.key");

    unlink(path);
    FILE *file = fopen(path, "wb");
    assert_int_equal(PEM_write_PKCS8PrivateKey(file, identity->key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
    assert_done(hf_private_key_read_any(path, NULL, NULL, &key, ERR));
    return key;
}

static const char *certificate_file(const char *pem)
{
    fixture_write(fixture_path("certificate.pem"), pem, strlen(pem), 0644);
    return fixture_path("certificate.pem");
}

/* A certificate like this does not sign. */
static void refuse(struct fixture_wish wish, const char *reason)
{
    struct fixture_identity made = fixture_identity("someone", NULL, wish);
    struct hf_private_key *key = key_of(&made);
    char *pem = fixture_certificate_pem(made.certificate);

    assert_refused(hf_certified_sign(certificate_file(pem), key, message, sizeof(message), &der, &size, id, ERR),
                   HOTFIX_TRUST, reason);
    free(pem);
    hf_private_key_destroy(key);
    fixture_identity_drop(&made);
}

static void certificates_that_nobody_would_take_do_not_sign(void **state)
{
    (void)state;
    refuse((struct fixture_wish){.extended_usage = "serverAuth"}, "codeSigning");
    refuse((struct fixture_wish){.extended_usage = ""}, "codeSigning");
    refuse((struct fixture_wish){.authority = true}, "must not sign bundles");
    refuse((struct fixture_wish){.key_type = "ED25519"}, "Edwards curves");
}

static void the_certificate_must_be_that_of_the_key(void **state)
{
    struct fixture_identity one = fixture_identity("one", NULL, (struct fixture_wish){0});
    struct fixture_identity other = fixture_identity("other", NULL, (struct fixture_wish){0});
    struct hf_private_key *key = key_of(&one);
    char *pem = fixture_certificate_pem(other.certificate);

    (void)state;
    assert_refused(hf_certified_sign(certificate_file(pem), key, message, sizeof(message), &der, &size, id, ERR),
                   HOTFIX_TRUST, "not that of the private key");
    assert_refused(hf_certified_sign(certificate_file("none"), key, message, sizeof(message), &der, &size, id, ERR),
                   HOTFIX_TRUST, "holds no PEM certificate");
    assert_refused(hf_certified_sign(fixture_path("missing"), key, message, sizeof(message), &der, &size, id, ERR),
                   HOTFIX_IO, "missing");
    free(pem);
    hf_private_key_destroy(key);
    fixture_identity_drop(&one);
    fixture_identity_drop(&other);
}

/* What keygen --ca makes is what a trust store takes and what a signature by it is verified with. */
static void what_is_issued_signs_and_is_vouched_for(void **state)
{
    struct hf_private_key *authority_key, *key;
    char *authority_pem, *pem;
    struct hf_authority *authority;
    struct hf_cms *cms;
    uint8_t again[HF_KEY_ID_SIZE];
    int64_t now = (int64_t)time(NULL), day = 24L * HOUR;

    (void)state;
    assert_done(hf_private_key_generate_p256(&authority_key, ERR));
    assert_done(hf_private_key_generate_p256(&key, ERR));
    assert_done(hf_issue("release", authority_key, key, &authority_pem, &pem, ERR));
    assert_done(hf_authority_parse(authority_pem, strlen(authority_pem), "ca", &authority, ERR));
    assert_done(hf_certified_sign(certificate_file(pem), key, message, sizeof(message), &der, &size, id, ERR));
    assert_done(hf_cms_open(der, size, message, sizeof(message), &cms, ERR));
    hf_cms_id(cms, again);
    assert_memory_equal(id, again, sizeof(id));
    assert_string_equal(hf_cms_signer(cms), "CN=release");
    assert_done(hf_cms_vouched(cms, authority, false, now, NULL, ERR));
    assert_done(hf_cms_vouched(cms, authority, false, now + (HF_ISSUE_SIGNER_DAYS - 1) * day, NULL, ERR));
    assert_int_equal(hf_cms_vouched(cms, authority, false, now + (HF_ISSUE_SIGNER_DAYS + 1) * day, NULL, ERR), -1);
    assert_done(hf_cms_vouched(cms, authority, true, now + (HF_ISSUE_SIGNER_DAYS + 1) * day, NULL, ERR));
    hf_cms_close(cms);
    hf_authority_destroy(authority);
    hf_private_key_destroy(authority_key);
    hf_private_key_destroy(key);
    free(authority_pem);
    free(pem);
    free(der);
}

/* The file may hold the authorities in between, which then go along. */
static void certificates_behind_the_first_go_along(void **state)
{
    const struct fixture_wish ca = {.authority = true};
    struct fixture_identity root = fixture_identity("root", NULL, ca), middle = fixture_identity("middle", &root, ca);
    struct fixture_identity leaf = fixture_identity("leaf", &middle, (struct fixture_wish){0});
    struct hf_private_key *key = key_of(&leaf);
    char *root_pem = fixture_certificate_pem(root.certificate),
         *middle_pem = fixture_certificate_pem(middle.certificate);
    char *leaf_pem = fixture_certificate_pem(leaf.certificate), *both;
    struct hf_authority *authority;
    struct hf_cms *cms;

    (void)state;
    assert_true(asprintf(&both, "%s%s", leaf_pem, middle_pem) > 0);
    assert_done(hf_authority_parse(root_pem, strlen(root_pem), "ca", &authority, ERR));
    assert_done(hf_certified_sign(certificate_file(both), key, message, sizeof(message), &der, &size, id, ERR));
    assert_done(hf_cms_open(der, size, message, sizeof(message), &cms, ERR));
    assert_done(hf_cms_vouched(cms, authority, false, (int64_t)time(NULL), NULL, ERR));
    hf_cms_close(cms);
    free(der);
    hf_authority_destroy(authority);
    hf_private_key_destroy(key);
    free(root_pem);
    free(middle_pem);
    free(leaf_pem);
    free(both);
    fixture_identity_drop(&root);
    fixture_identity_drop(&middle);
    fixture_identity_drop(&leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_that_nobody_would_take_do_not_sign),
        cmocka_unit_test(the_certificate_must_be_that_of_the_key),
        cmocka_unit_test(what_is_issued_signs_and_is_vouched_for),
        cmocka_unit_test(certificates_behind_the_first_go_along),
    };
    return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
