/* SPDX-License-Identifier: Apache-2.0 */
#include "truststore.h"
/* Signatures by certificates in bundles, and authorities in trust stores: whose count, and how often. */
#include "signed_fixture.h"
#include "truststore.h"

#include "truststore.h"
static struct fixture_identity root, other, signer, second, others;
#include "truststore.h"
static struct fixture_signer raw;
#include "truststore.h"

#include "truststore.h"
static int make_identities(void **state)
#include "truststore.h"
{
#include "truststore.h"
    const struct fixture_wish ca = {.authority = true}, code = {0};
#include "truststore.h"

#include "truststore.h"
    now = (int64_t)time(NULL);
#include "truststore.h"
    fixture_signer(&raw);
#include "truststore.h"
    root = fixture_identity("root", NULL, ca);
#include "truststore.h"
    other = fixture_identity("other", NULL, ca);
#include "truststore.h"
    signer = fixture_identity("signer", &root, code);
#include "truststore.h"
    second = fixture_identity("second", &root, code);
#include "truststore.h"
    others = fixture_identity("others", &other, code);
#include "truststore.h"
    assert_done(hf_statement(archive, sizeof(archive), statement, &statement_size, ERR));
#include "truststore.h"
    return fixture_enter(state);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static int drop_identities(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct fixture_identity *all[] = {&root, &other, &signer, &second, &others};
#include "truststore.h"

#include "truststore.h"
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
#include "truststore.h"
        fixture_identity_drop(all[i]);
#include "truststore.h"
    hf_private_key_destroy(raw.key);
#include "truststore.h"
    return fixture_leave(state);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* A trust store of this name, with the authority of root. */
#include "truststore.h"
static const char *store(const char *name)
#include "truststore.h"
{
#include "truststore.h"
    add_authority(empty_store(name), "corp.ca.pem", root.certificate);
#include "truststore.h"
    return name;
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void a_stripped_bundle_is_refused(void **state)
#include "truststore.h"
{
#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = store("stripped");
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    assert_done(verify(trust, ERR));
#include "truststore.h"
    parts.signature_count = 0;
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "not signed");
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void a_signature_over_another_bundle_is_refused(void **state)
#include "truststore.h"
{
#include "truststore.h"
    static const char theirs[] = "hotfix bundle 1\nsize 40\nsha256 00\n";
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = store("moved");
#include "truststore.h"
    sign_message(&signer, NULL, theirs, sizeof(theirs) - 1);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "0 of 1 keys agree; the CMS signature does not verify");
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void a_signature_under_another_id_is_refused(void **state)
#include "truststore.h"
{
#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = store("renamed");
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    parts.signatures[0].key_id[0] ^= 1;
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "by CN=signer stands under another id");
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void certificates_of_unknown_authorities_are_refused(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct fixture_identity self = fixture_identity("self", NULL, (struct fixture_wish){0});
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = store("unknown");
#include "truststore.h"
    sign(&others);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "certificate of CN=others: unable to get local issuer");
#include "truststore.h"
    parts.signature_count = 0;
#include "truststore.h"
    sign(&self);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "certificate of CN=self: self-signed certificate");
#include "truststore.h"
    parts.signature_count = 0;
#include "truststore.h"
    sign_message(&others, other.certificate, statement, statement_size);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "self-signed certificate in certificate chain");
#include "truststore.h"
    fixture_identity_drop(&self);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void a_store_without_authorities_knows_no_certificate(void **state)
#include "truststore.h"
{
#include "truststore.h"
    (void)state;
#include "truststore.h"
    assert_int_equal(mkdir(fixture_path("raw"), 0755), 0);
#include "truststore.h"
    assert_done(hf_public_key_write(&raw.public_key, fixture_path("raw/release.pub"), ERR));
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    assert_refused(verify("raw", ERR), HOTFIX_SIGNATURE, "keys that are not in the trust store");
#include "truststore.h"
    fixture_sign(&raw, parts.archive, parts.archive_size, &parts.signatures[parts.signature_count++]);
#include "truststore.h"
    assert_done(verify("raw", ERR));
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void the_authority_is_named_as_who_signed(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct hf_signers signers;
#include "truststore.h"
    struct hf_trust trust;
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *path = fixture_path(store("named"));
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    assert_done(hf_trust_read(path, &trust, ERR));
#include "truststore.h"
    assert_done(hf_signed_verify(&parts, &trust, now, &signers, ERR));
#include "truststore.h"
    assert_int_equal(signers.count, 1);
#include "truststore.h"
    assert_string_equal(signers.keys[0]->name, "corp");
#include "truststore.h"
    hf_trust_deinit(&trust);
#include "truststore.h"
    char *file;
#include "truststore.h"
    assert_true(asprintf(&file, "%s/corp.ca.pem", path) > 0);
#include "truststore.h"
    assert_done(hf_trust_read(file, &trust, ERR));
#include "truststore.h"
    assert_done(hf_signed_verify(&parts, &trust, now, NULL, ERR));
#include "truststore.h"
    hf_trust_deinit(&trust);
#include "truststore.h"
    free(file);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* However many certificates an authority hands out, it is one party. */
#include "truststore.h"
static void an_authority_counts_once(void **state)
#include "truststore.h"
{
#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = store("once");
#include "truststore.h"
    add_authority(trust, "partner.ca.pem", other.certificate);
#include "truststore.h"
    write_text(trust, "trust.ini", "[policy]\nkeys = 2\n");
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    sign(&second);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: corp");
#include "truststore.h"
    sign(&others);
#include "truststore.h"
    assert_done(verify(trust, ERR));
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void keys_and_authorities_agree_by_the_same_policy(void **state)
#include "truststore.h"
{
#include "truststore.h"
    char path[64];
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = store("roles");
#include "truststore.h"
    snprintf(path, sizeof(path), "%s/build.pub", trust);
#include "truststore.h"
    assert_done(hf_public_key_write(&raw.public_key, fixture_path(path), ERR));
#include "truststore.h"
    write_text(
#include "truststore.h"
        trust, "trust.ini",
#include "truststore.h"
        "[policy]\nkeys = 2\nroles = builder release\n\n[key.build]\nrole = builder\n\n[key.corp]\nrole = release\n");
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: corp; a key with role 'builder'");
#include "truststore.h"
    fixture_sign(&raw, parts.archive, parts.archive_size, &parts.signatures[parts.signature_count++]);
#include "truststore.h"
    assert_done(verify(trust, ERR));
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void an_authority_can_be_revoked_and_expire_by_the_policy(void **state)
#include "truststore.h"
{
#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = store("policy");
#include "truststore.h"
    add_authority(trust, "partner.ca.pem", other.certificate);
#include "truststore.h"
    write_text(trust, "trust.ini", "[key.corp]\nrevoked = yes\n");
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "key corp is revoked");
#include "truststore.h"
    write_text(trust, "trust.ini", "[key.corp]\nexpires = 2020-01-01\n");
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_EXPIRED, "key corp expired");
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void the_policy_says_when_certificates_must_be_valid(void **state)
#include "truststore.h"
{
#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = store("time");
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    assert_refused(verify_at(trust, now + 2 * HOUR, NULL, ERR), HOTFIX_EXPIRED, ": certificate has expired");
#include "truststore.h"
    write_text(trust, "trust.ini", "[policy]\ncertificate-time = now\n");
#include "truststore.h"
    assert_refused(verify_at(trust, now + 2 * HOUR, NULL, ERR), HOTFIX_EXPIRED, "has expired");
#include "truststore.h"
    write_text(trust, "trust.ini", "[policy]\ncertificate-time = signing\n");
#include "truststore.h"
    assert_done(verify_at(trust, now + 2 * HOUR, NULL, ERR));
#include "truststore.h"
    assert_refused(verify_at(trust, now - HOUR / 2, NULL, ERR), HOTFIX_SIGNATURE, "in the future");
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void revocation_lists_stand_beside_their_authority(void **state)
#include "truststore.h"
{
#include "truststore.h"
    char *none = fixture_list_pem(&root, NULL, HOUR), *one = fixture_list_pem(&root, signer.certificate, HOUR);
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = store("lists");
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    write_text(trust, "corp.crl.pem", none);
#include "truststore.h"
    assert_done(verify(trust, ERR));
#include "truststore.h"
    write_text(trust, "corp.crl.pem", one);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "certificate of CN=signer: certificate revoked");
#include "truststore.h"
    free(none);
#include "truststore.h"
    free(one);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void refuse_store(const char *directory, const char *reason)
#include "truststore.h"
{
#include "truststore.h"
    struct hf_trust trust;
#include "truststore.h"

#include "truststore.h"
    assert_refused(hf_trust_read(fixture_path(directory), &trust, ERR), HOTFIX_TRUST, reason);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void stores_with_unusable_authorities_are_refused(void **state)
#include "truststore.h"
{
#include "truststore.h"
    char *list = fixture_list_pem(&root, NULL, HOUR), *leaf = fixture_certificate_pem(signer.certificate);
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = store("unusable");
#include "truststore.h"
    write_text(trust, "none.crl.pem", list);
#include "truststore.h"
    refuse_store(trust, "there is no authority none.ca.pem beside it");
#include "truststore.h"
    assert_int_equal(unlink(fixture_path("unusable/none.crl.pem")), 0);
#include "truststore.h"
    write_text(trust, "corp.crl.pem", "garbage");
#include "truststore.h"
    refuse_store(trust, "corp.crl.pem: holds no PEM revocation list");
#include "truststore.h"
    assert_int_equal(unlink(fixture_path("unusable/corp.crl.pem")), 0);
#include "truststore.h"
    write_text(trust, "bad.ca.pem", "garbage");
#include "truststore.h"
    refuse_store(trust, "bad.ca.pem: holds no PEM certificate");
#include "truststore.h"
    write_text(trust, "bad.ca.pem", leaf);
#include "truststore.h"
    refuse_store(trust, "CN=signer is not one of an authority");
#include "truststore.h"
    assert_int_equal(unlink(fixture_path("unusable/bad.ca.pem")), 0);
#include "truststore.h"
    add_authority(trust, "again.ca.pem", root.certificate);
#include "truststore.h"
    refuse_store(trust, "again and corp would count as two: CN=root has the key of CN=root");
#include "truststore.h"
    assert_int_equal(unlink(fixture_path("unusable/again.ca.pem")), 0);
#include "truststore.h"
    assert_int_equal(chmod(fixture_path("unusable/corp.ca.pem"), 0666), 0);
#include "truststore.h"
    refuse_store(trust, "corp.ca.pem: may be written by other users");
#include "truststore.h"
    free(list);
#include "truststore.h"
    free(leaf);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void a_policy_that_misspells_the_time_is_refused(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct hf_trust trust;
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *path = store("misspelt");
#include "truststore.h"
    write_text(path, "trust.ini", "[policy]\ncertificate-time = then\n");
#include "truststore.h"
    assert_refused(hf_trust_read(fixture_path(path), &trust, ERR), HOTFIX_FORMAT, "is not now or signing");
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
#define each(test) cmocka_unit_test_setup_teardown(test, fresh, forget)
#include "truststore.h"

#include "truststore.h"
int main(void)
#include "truststore.h"
{
#include "truststore.h"
    const struct CMUnitTest tests[] = {
#include "truststore.h"
        each(a_stripped_bundle_is_refused),
#include "truststore.h"
        each(a_signature_over_another_bundle_is_refused),
#include "truststore.h"
        each(a_signature_under_another_id_is_refused),
#include "truststore.h"
        each(certificates_of_unknown_authorities_are_refused),
#include "truststore.h"
        each(a_store_without_authorities_knows_no_certificate),
#include "truststore.h"
        each(the_authority_is_named_as_who_signed),
#include "truststore.h"
        each(an_authority_counts_once),
#include "truststore.h"
        each(keys_and_authorities_agree_by_the_same_policy),
#include "truststore.h"
        each(an_authority_can_be_revoked_and_expire_by_the_policy),
#include "truststore.h"
        each(the_policy_says_when_certificates_must_be_valid),
#include "truststore.h"
        each(revocation_lists_stand_beside_their_authority),
#include "truststore.h"
        each(stores_with_unusable_authorities_are_refused),
#include "truststore.h"
        each(a_policy_that_misspells_the_time_is_refused),
#include "truststore.h"
    };
#include "truststore.h"
    return cmocka_run_group_tests(tests, make_identities, drop_identities);
#include "truststore.h"
}
#include "truststore.h"
