/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures by certificates in bundles, and authorities in trust stores: whose count, and how often. */
#include "authority.h"
#include "certificate_fixture.h"
#include "cms.h"
#include "quorum.h"

static const char archive[] = "any bytes: signing does not look inside";
static struct fixture_identity root, other, signer, second, others;
static struct fixture_signer raw;
static char statement[HF_STATEMENT_MAX];
static size_t statement_size;
static int64_t now;

/* The parts of a bundle, and what its CMS signatures point to. */
static struct hf_signed parts;
static uint8_t *made[HF_SIGNATURE_MAX];
static size_t made_count;

static int make_identities(void **state)
{
    const struct fixture_wish ca = {.authority = true}, code = {0};

    now = (int64_t)time(NULL);
    fixture_signer(&raw);
    root = fixture_identity("root", NULL, ca);
    other = fixture_identity("other", NULL, ca);
    signer = fixture_identity("signer", &root, code);
    second = fixture_identity("second", &root, code);
    others = fixture_identity("others", &other, code);
    assert_done(hf_statement(archive, sizeof(archive), statement, &statement_size, ERR));
    return fixture_enter(state);
}

static int drop_identities(void **state)
{
    struct fixture_identity *all[] = {&root, &other, &signer, &second, &others};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        fixture_identity_drop(all[i]);
    hf_private_key_destroy(raw.key);
    return fixture_leave(state);
}

static int fresh(void **state)
{
    (void)state;
    parts = (struct hf_signed){.archive = (const uint8_t *)archive, .archive_size = sizeof(archive)};
    return 0;
}

static int forget(void **state)
{
    (void)state;
    while (made_count > 0)
        free(made[--made_count]);
    return 0;
}

/* Adds a signature by a certificate over this message, under the certificate's id. */
static void sign_message(const struct fixture_identity *by, X509 *more, const void *message, size_t size)
{
    struct hf_signature *signature = &parts.signatures[parts.signature_count++];
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t cms_size;

    made[made_count] = fixture_cms(by, more, message, size, CMS_DETACHED, &cms_size);
    *signature = (struct hf_signature){.cms = made[made_count++], .cms_size = cms_size};
    X509_digest(by->certificate, EVP_sha256(), digest, NULL);
    memcpy(signature->key_id, digest, HF_KEY_ID_SIZE);
}

static void sign(const struct fixture_identity *by)
{
    sign_message(by, NULL, statement, statement_size);
}

static void write_text(const char *directory, const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    fixture_write(fixture_path(path), text, strlen(text), 0644);
}

/* A trust store of this name, with the authority of root. */
static const char *store(const char *name)
{
    char *pem = fixture_certificate_pem(root.certificate);

    assert_int_equal(mkdir(fixture_path(name), 0755), 0);
    write_text(name, "corp.ca.pem", pem);
    free(pem);
    return name;
}

static void add_authority(const char *directory, const char *name, X509 *certificate)
{
    char *pem = fixture_certificate_pem(certificate);

    write_text(directory, name, pem);
    free(pem);
}

static int verify_at(const char *directory, int64_t when, struct hf_signers *signers, struct hotfix_error *err)
{
    struct hf_trust trust;

    if (hf_trust_read(fixture_path(directory), &trust, err) != 0)
        fail_msg("%s", err->message);
    int result = hf_signed_verify(&parts, &trust, when, signers, err);
    hf_trust_deinit(&trust);
    return result;
}

static int verify(const char *directory, struct hotfix_error *err)
{
    return verify_at(directory, now, NULL, err);
}

static void a_stripped_bundle_is_refused(void **state)
{
    (void)state;
    const char *trust = store("stripped");
    sign(&signer);
    assert_done(verify(trust, ERR));
    parts.signature_count = 0;
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "not signed");
}

static void a_signature_over_another_bundle_is_refused(void **state)
{
    static const char theirs[] = "hotfix bundle 1\nsize 40\nsha256 00\n";

    (void)state;
    const char *trust = store("moved");
    sign_message(&signer, NULL, theirs, sizeof(theirs) - 1);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "0 of 1 keys agree; the CMS signature does not verify");
}

static void a_signature_under_another_id_is_refused(void **state)
{
    (void)state;
    const char *trust = store("renamed");
    sign(&signer);
    parts.signatures[0].key_id[0] ^= 1;
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "by CN=signer stands under another id");
}

static void certificates_of_unknown_authorities_are_refused(void **state)
{
    struct fixture_identity self = fixture_identity("self", NULL, (struct fixture_wish){0});

    (void)state;
    const char *trust = store("unknown");
    sign(&others);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "certificate of CN=others: unable to get local issuer");
    parts.signature_count = 0;
    sign(&self);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "certificate of CN=self: self-signed certificate");
    parts.signature_count = 0;
    sign_message(&others, other.certificate, statement, statement_size);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "self-signed certificate in certificate chain");
    fixture_identity_drop(&self);
}

static void a_store_without_authorities_knows_no_certificate(void **state)
{
    (void)state;
    assert_int_equal(mkdir(fixture_path("raw"), 0755), 0);
    assert_done(hf_public_key_write(&raw.public_key, fixture_path("raw/release.pub"), ERR));
    sign(&signer);
    assert_refused(verify("raw", ERR), HOTFIX_SIGNATURE, "keys that are not in the trust store");
    fixture_sign(&raw, parts.archive, parts.archive_size, &parts.signatures[parts.signature_count++]);
    assert_done(verify("raw", ERR));
}

static void the_authority_is_named_as_who_signed(void **state)
{
    struct hf_signers signers;
    struct hf_trust trust;

    (void)state;
    const char *path = fixture_path(store("named"));
    sign(&signer);
    assert_done(hf_trust_read(path, &trust, ERR));
    assert_done(hf_signed_verify(&parts, &trust, now, &signers, ERR));
    assert_int_equal(signers.count, 1);
    assert_string_equal(signers.keys[0]->name, "corp");
    hf_trust_deinit(&trust);
    char *file;
    assert_true(asprintf(&file, "%s/corp.ca.pem", path) > 0);
    assert_done(hf_trust_read(file, &trust, ERR));
    assert_done(hf_signed_verify(&parts, &trust, now, NULL, ERR));
    hf_trust_deinit(&trust);
    free(file);
}

/* However many certificates an authority hands out, it is one party. */
static void an_authority_counts_once(void **state)
{
    (void)state;
    const char *trust = store("once");
    add_authority(trust, "partner.ca.pem", other.certificate);
    write_text(trust, "trust.ini", "[policy]\nkeys = 2\n");
    sign(&signer);
    sign(&signer);
    sign(&second);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: corp");
    sign(&others);
    assert_done(verify(trust, ERR));
}

/* The same key with certificates of two authorities, or found by two that are trusted on one chain. */
static void one_signer_counts_once_whoever_vouches(void **state)
{
    struct fixture_identity middle = fixture_identity("middle", &root, (struct fixture_wish){.authority = true});
    struct fixture_identity leaf = fixture_identity("leaf", &middle, (struct fixture_wish){0});
    struct fixture_identity again = {.key = signer.key, .certificate = X509_dup(others.certificate)};

    (void)state;
    const char *trust = store("signer");
    add_authority(trust, "partner.ca.pem", other.certificate);
    add_authority(trust, "sub.ca.pem", middle.certificate);
    write_text(trust, "trust.ini", "[policy]\nkeys = 2\n");
    X509_set_pubkey(again.certificate, again.key);
    assert_true(X509_sign(again.certificate, other.key, EVP_sha256()) > 0);
    sign(&signer);
    sign(&again);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: corp");
    parts.signature_count = 0;
    sign_message(&leaf, middle.certificate, statement, statement_size);
    sign(&leaf);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: ");
    sign(&others);
    assert_done(verify(trust, ERR));
    X509_free(again.certificate);
    fixture_identity_drop(&middle);
    fixture_identity_drop(&leaf);
}

static void keys_and_authorities_agree_by_the_same_policy(void **state)
{
    char path[64];

    (void)state;
    const char *trust = store("roles");
    snprintf(path, sizeof(path), "%s/build.pub", trust);
    assert_done(hf_public_key_write(&raw.public_key, fixture_path(path), ERR));
    write_text(
        trust, "trust.ini",
        "[policy]\nkeys = 2\nroles = builder release\n\n[key.build]\nrole = builder\n\n[key.corp]\nrole = release\n");
    sign(&signer);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: corp; a key with role 'builder'");
    fixture_sign(&raw, parts.archive, parts.archive_size, &parts.signatures[parts.signature_count++]);
    assert_done(verify(trust, ERR));
}

static void an_authority_can_be_revoked_and_expire_by_the_policy(void **state)
{
    (void)state;
    const char *trust = store("policy");
    add_authority(trust, "partner.ca.pem", other.certificate);
    write_text(trust, "trust.ini", "[key.corp]\nrevoked = yes\n");
    sign(&signer);
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "key corp is revoked");
    write_text(trust, "trust.ini", "[key.corp]\nexpires = 2020-01-01\n");
    assert_refused(verify(trust, ERR), HOTFIX_EXPIRED, "key corp expired");
}

static void the_policy_says_when_certificates_must_be_valid(void **state)
{
    (void)state;
    const char *trust = store("time");
    sign(&signer);
    assert_refused(verify_at(trust, now + 2 * HOUR, NULL, ERR), HOTFIX_EXPIRED, ": certificate has expired");
    write_text(trust, "trust.ini", "[policy]\ncertificate-time = now\n");
    assert_refused(verify_at(trust, now + 2 * HOUR, NULL, ERR), HOTFIX_EXPIRED, "has expired");
    write_text(trust, "trust.ini", "[policy]\ncertificate-time = signing\n");
    assert_done(verify_at(trust, now + 2 * HOUR, NULL, ERR));
    assert_refused(verify_at(trust, now - HOUR / 2, NULL, ERR), HOTFIX_SIGNATURE, "in the future");
}

static void revocation_lists_stand_beside_their_authority(void **state)
{
    char *none = fixture_list_pem(&root, NULL, HOUR), *one = fixture_list_pem(&root, signer.certificate, HOUR);

    (void)state;
    const char *trust = store("lists");
    sign(&signer);
    write_text(trust, "corp.crl.pem", none);
    assert_done(verify(trust, ERR));
    write_text(trust, "corp.crl.pem", one);
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "certificate of CN=signer: certificate revoked");
    free(none);
    free(one);
}

static void refuse_store(const char *directory, const char *reason)
{
    struct hf_trust trust;

    assert_refused(hf_trust_read(fixture_path(directory), &trust, ERR), HOTFIX_TRUST, reason);
}

static void stores_with_unusable_authorities_are_refused(void **state)
{
    char *list = fixture_list_pem(&root, NULL, HOUR), *leaf = fixture_certificate_pem(signer.certificate);

    (void)state;
    const char *trust = store("unusable");
    write_text(trust, "none.crl.pem", list);
    refuse_store(trust, "there is no authority none.ca.pem beside it");
    assert_int_equal(unlink(fixture_path("unusable/none.crl.pem")), 0);
    write_text(trust, "corp.crl.pem", "garbage");
    refuse_store(trust, "corp.crl.pem: holds no PEM revocation list");
    assert_int_equal(unlink(fixture_path("unusable/corp.crl.pem")), 0);
    write_text(trust, "bad.ca.pem", "garbage");
    refuse_store(trust, "bad.ca.pem: holds no PEM certificate");
    write_text(trust, "bad.ca.pem", leaf);
    refuse_store(trust, "CN=signer is not one of an authority");
    assert_int_equal(unlink(fixture_path("unusable/bad.ca.pem")), 0);
    add_authority(trust, "again.ca.pem", root.certificate);
    refuse_store(trust, "again and corp begin with the same certificate");
    assert_int_equal(unlink(fixture_path("unusable/again.ca.pem")), 0);
    assert_int_equal(chmod(fixture_path("unusable/corp.ca.pem"), 0666), 0);
    refuse_store(trust, "corp.ca.pem: may be written by other users");
    free(list);
    free(leaf);
}

static void a_policy_that_misspells_the_time_is_refused(void **state)
{
    struct hf_trust trust;

    (void)state;
    const char *path = store("misspelt");
    write_text(path, "trust.ini", "[policy]\ncertificate-time = then\n");
    assert_refused(hf_trust_read(fixture_path(path), &trust, ERR), HOTFIX_FORMAT, "is not now or signing");
}

#define each(test) cmocka_unit_test_setup_teardown(test, fresh, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        each(a_stripped_bundle_is_refused),
        each(a_signature_over_another_bundle_is_refused),
        each(a_signature_under_another_id_is_refused),
        each(certificates_of_unknown_authorities_are_refused),
        each(a_store_without_authorities_knows_no_certificate),
        each(the_authority_is_named_as_who_signed),
        each(an_authority_counts_once),
        each(one_signer_counts_once_whoever_vouches),
        each(keys_and_authorities_agree_by_the_same_policy),
        each(an_authority_can_be_revoked_and_expire_by_the_policy),
        each(the_policy_says_when_certificates_must_be_valid),
        each(revocation_lists_stand_beside_their_authority),
        each(stores_with_unusable_authorities_are_refused),
        each(a_policy_that_misspells_the_time_is_refused),
    };
    return cmocka_run_group_tests(tests, make_identities, drop_identities);
}
