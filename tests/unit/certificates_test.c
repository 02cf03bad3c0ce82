/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures by certificates in bundles, and authorities in trust stores: whose count, and how often. */
#include "signed_fixture.h"
#include "truststore.h"

static struct fixture_identity root, other, signer, second, others;
static struct fixture_signer raw;

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

/* A trust store of this name, with the authority of root. */
static const char *store(const char *name)
{
    add_authority(empty_store(name), "corp.ca.pem", root.certificate);
    return name;
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
    refuse_store(trust, "again and corp would count as two: CN=root has the key of CN=root");
    assert_int_equal(unlink(fixture_path("unusable/again.ca.pem")), 0);
    assert_done(hf_public_key_write(&raw.public_key, fixture_path("unusable/corp.pub"), ERR));
    refuse_store(trust, "two keys are called corp");
    assert_int_equal(unlink(fixture_path("unusable/corp.pub")), 0);
    /* Lists that are not read revoke nothing. */
    write_text(trust, "corp.crl.pem", list);
    assert_int_equal(chmod(fixture_path("unusable/corp.crl.pem"), 0666), 0);
    refuse_store(trust, "corp.crl.pem: may be written by other users");
    assert_int_equal(rename(fixture_path("unusable/corp.crl.pem"), fixture_path("unusable/list")), 0);
    assert_int_equal(symlink("list", fixture_path("unusable/corp.crl.pem")), 0);
    refuse_store(trust, "corp.crl.pem: is a symbolic link");
    assert_int_equal(unlink(fixture_path("unusable/corp.crl.pem")), 0);
    assert_int_equal(chmod(fixture_path("unusable/corp.ca.pem"), 0666), 0);
    refuse_store(trust, "corp.ca.pem: may be written by other users");
    free(list);
    free(leaf);
}

/* Names of certificates are anybody's, of any length. */
static void a_long_name_is_cut(void **state)
{
    enum { ROOM = HF_CERTIFICATE_NAME_MAX };
    static const size_t lengths[] = {ROOM - 2, ROOM - 1, ROOM, ROOM + 1, 2 * ROOM};
    char text[2 * ROOM], name[ROOM + 1];

    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        X509 *certificate = X509_new();
        int size = (int)(lengths[i] - strlen("name="));
        assert_int_equal(X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_name, MBSTRING_ASC,
                                                    (unsigned char *)text, size, -1, 0),
                         1);
        memset(name, '!', sizeof(name));
        hf_certificate_name(certificate, name);
        assert_int_equal(name[ROOM], '!');
        assert_int_equal(strlen(name), lengths[i] < ROOM ? lengths[i] : ROOM - 1);
        X509_free(certificate);
    }
}

/* What a program left in libcrypto's queue looks like the end of a file. */
static void errors_of_the_program_end_no_file(void **state)
{
    char *one = fixture_certificate_pem(root.certificate), *two = fixture_certificate_pem(other.certificate), *both;
    char *list = fixture_list_pem(&root, NULL, HOUR), *next = fixture_list_pem(&other, signer.certificate, HOUR);
    struct hf_authority *authority;
    struct hf_key_owner owner;
    struct hf_certificate_mark mark;

    (void)state;
    assert_true(asprintf(&both, "%s%s", one, two) > 0);
    ERR_raise(ERR_LIB_PEM, PEM_R_NO_START_LINE);
    assert_done(hf_authority_parse(both, strlen(both), "x.ca.pem", &authority, ERR));
    assert_done(hf_key_owner_of(other.certificate, &owner, ERR));
    assert_true(hf_authority_holds(authority, &owner));
    free(both);
    assert_true(asprintf(&both, "%s%s", list, next) > 0);
    assert_done(hf_authority_revoke(authority, both, strlen(both), "x.crl.pem", ERR));
    ERR_clear_error();
    assert_done(hf_certificate_mark(signer.certificate, &mark, ERR));
    memset(mark.issuer, 0, sizeof(mark.issuer));
    X509_NAME_digest(X509_get_subject_name(other.certificate), EVP_sha256(), mark.issuer, NULL);
    assert_true(hf_authority_doubts(authority, &mark));
    free(both);
    assert_true(asprintf(&both, "%s-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", list) > 0);
    assert_refused(hf_authority_revoke(authority, both, strlen(both), "x.crl.pem", ERR), HOTFIX_TRUST,
                   "something other than PEM revocation lists");
    hf_authority_destroy(authority);
    free(one);
    free(two);
    free(list);
    free(next);
    free(both);
}

/* What a list leaves out that says what is new in it, it does not deny. */
static void a_list_that_is_no_whole_one_makes_the_store_unusable(void **state)
{
    char *whole = fixture_list_pem(&root, NULL, HOUR), *pem;
    BIO *in = BIO_new_mem_buf(whole, -1), *out = BIO_new(BIO_s_mem());
    X509_CRL *list = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL);
    ASN1_INTEGER *base = ASN1_INTEGER_new();

    (void)state;
    const char *trust = store("delta");
    ASN1_INTEGER_set(base, 1);
    /* The first of its extensions. */
    assert_int_equal(X509_CRL_add1_ext_i2d(list, NID_delta_crl, base, 1, 0), 1);
    for (int count = X509_CRL_get_ext_count(list) - 1; count > 0; count--) {
        X509_EXTENSION *first = X509_CRL_delete_ext(list, 0);
        assert_int_equal(X509_CRL_add_ext(list, first, -1), 1);
        X509_EXTENSION_free(first);
    }
    assert_int_equal(X509_CRL_get_ext_by_NID(list, NID_delta_crl, -1), 0);
    assert_true(X509_CRL_sign(list, root.key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509_CRL(out, list), 1);
    long size = BIO_get_mem_data(out, &pem);
    pem = strndup(pem, (size_t)size);
    write_text(trust, "corp.crl.pem", pem);
    refuse_store(trust, "corp.crl.pem: holds a delta list");
    free(pem);
    assert_true(asprintf(&pem, "%s%s", whole, whole) > 0);
    write_text(trust, "corp.crl.pem", pem);
    sign(&signer);
    assert_done(verify(trust, ERR));
    free(pem);
    free(whole);
    ASN1_INTEGER_free(base);
    X509_CRL_free(list);
    BIO_free(in);
    BIO_free(out);
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
        each(keys_and_authorities_agree_by_the_same_policy),
        each(an_authority_can_be_revoked_and_expire_by_the_policy),
        each(the_policy_says_when_certificates_must_be_valid),
        each(revocation_lists_stand_beside_their_authority),
        each(stores_with_unusable_authorities_are_refused),
        each(a_long_name_is_cut),
        each(errors_of_the_program_end_no_file),
        each(a_list_that_is_no_whole_one_makes_the_store_unusable),
        each(a_policy_that_misspells_the_time_is_refused),
    };
    return cmocka_run_group_tests(tests, make_identities, drop_identities);
}
