/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation of libcrypto fails in turn while a signature is verified, by a key and by a certificate: what must
 * be refused is refused whichever fails, and what is good is accepted or refused; nothing crashes.
 */
#include <openssl/crypto.h>

#include "authority.h"
#include "certificate_fixture.h"
#include "cms.h"
#include "quorum.h"

static const char message[] = "hotfix bundle 1\n";

/* Allocations to go until one fails; negative: none does. All after it fail too where `lasting`. */
static long countdown = -1;
static bool lasting;

static bool fails(void)
{
    if (countdown < 0)
        return false;
    if (countdown > 0) {
        countdown--;
        return false;
    }
    if (!lasting)
        countdown = -1;
    return true;
}

static void *failing_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size == 0 || fails() ? NULL : malloc(size);
}

static void *failing_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size == 0) {
        free(old);
        return NULL;
    }
    return fails() ? NULL : realloc(old, size);
}

static void plain_free(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    free(old);
}

/* One verification; true when it is accepted. */
typedef bool verification(void);

/* Lets each allocation of it fail, by itself and with all that follow: refused must stay refused. */
static void exhaust(verification *verify, bool good)
{
    assert_int_equal(verify(), good);
    for (int mode = 0; mode < 2; mode++) {
        lasting = mode;
        for (long nth = 0;; nth++) {
            countdown = nth;
            bool taken = verify();
            bool reached = lasting ? countdown == 0 : countdown < 0;
            countdown = -1;
            if (taken && !good)
                fail_msg("accepted when allocation %ld fails", nth);
            if (!reached)
                break;
        }
    }
    assert_int_equal(verify(), good);
}

static struct fixture_identity root, signer;
static struct hf_authority *authority, *revoking;
static uint8_t *der;
static size_t der_size;
static struct fixture_signer key;
static uint8_t signature[HF_SIGNATURE_SIZE];

static bool verify_with(const struct hf_authority *by, const char *text)
{
    struct hf_cms *cms;

    if (hf_cms_open(der, der_size, text, sizeof(message) - 1, &cms, NULL) != 0)
        return false;
    bool vouched = hf_cms_vouched(cms, by, false, (int64_t)time(NULL), NULL, NULL) == 0;
    hf_cms_close(cms);
    return vouched;
}

static bool verify_good(void)
{
    return verify_with(authority, message);
}

static bool verify_revoked(void)
{
    return verify_with(revoking, message);
}

static bool verify_other(void)
{
    return verify_with(authority, "hotfix bundle 2\n");
}

static bool verify_key(void)
{
    return hf_public_key_verify(&key.public_key, message, sizeof(message), signature, NULL) == 0;
}

static bool verify_key_other(void)
{
    return hf_public_key_verify(&key.public_key, "hotfix bundle 2\n", sizeof(message), signature, NULL) == 0;
}

/* Whoever is told is the right one. */
static bool tell_owner(X509 *certificate, struct hf_key_owner *expected)
{
    struct hf_key_owner owner;

    if (hf_key_owner_of(certificate, &owner, NULL) != 0)
        return false;
    if (!hf_key_owner_equal(&owner, expected))
        fail_msg("another owner");
    return true;
}

static struct hf_key_owner ec_owner, rsa_owner;
static struct fixture_identity rsa;

static bool tell_ec(void)
{
    return tell_owner(signer.certificate, &ec_owner);
}

static bool tell_rsa(void)
{
    return tell_owner(rsa.certificate, &rsa_owner);
}

/* A bundle, and a store of two authorities, one of which issued a certificate that the other one would vouch for. */
static struct hf_trust_key parties[2] = {{.name = (char[]){"a"}}, {.name = (char[]){"b"}}};
static const struct hf_trust both = {.keys = parties, .count = 2};
static struct hf_signed bundle;
static const char archive[] = "an archive";

static bool verify_bundle(void)
{
    return hf_signed_verify(&bundle, &both, (int64_t)time(NULL), NULL, NULL) == 0;
}

static bool verify_other_bundle(void)
{
    struct hf_signed other = bundle;

    other.archive_size--;
    return hf_signed_verify(&other, &both, (int64_t)time(NULL), NULL, NULL) == 0;
}

static bool apart(void)
{
    return hf_authority_apart(parties[0].authority, parties[1].authority, NULL) == 0;
}

static struct hf_authority *issuer, *issued;

static bool overlap(void)
{
    return hf_authority_apart(issuer, issued, NULL) == 0;
}

static struct hf_authority *authority_of(X509 *certificate)
{
    struct hf_authority *parsed;
    char *pem = fixture_certificate_pem(certificate);

    assert_done(hf_authority_parse(pem, strlen(pem), "ca", &parsed, ERR));
    free(pem);
    return parsed;
}

static void make_bundle(void)
{
    char statement[HF_STATEMENT_MAX];
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t size, cms_size;

    bundle =
        (struct hf_signed){.archive = (const uint8_t *)archive, .archive_size = sizeof(archive), .signature_count = 1};
    assert_done(hf_statement(archive, sizeof(archive), statement, &size, ERR));
    bundle.signatures[0].cms = fixture_cms(&signer, NULL, statement, size, CMS_DETACHED, &cms_size);
    bundle.signatures[0].cms_size = cms_size;
    X509_digest(signer.certificate, EVP_sha256(), digest, NULL);
    memcpy(bundle.signatures[0].key_id, digest, HF_KEY_ID_SIZE);
}

static void make_parties(void)
{
    const struct fixture_wish ca = {.authority = true};
    struct fixture_identity other = fixture_identity("other", NULL, ca), below = fixture_identity("below", &root, ca);

    rsa = fixture_identity("rsa", &root, (struct fixture_wish){.key_type = "RSA2048"});
    assert_done(hf_key_owner_of(signer.certificate, &ec_owner, ERR));
    assert_done(hf_key_owner_of(rsa.certificate, &rsa_owner, ERR));
    parties[0].authority = authority_of(root.certificate);
    parties[1].authority = authority_of(other.certificate);
    issuer = authority_of(root.certificate);
    issued = authority_of(below.certificate);
    parties[1].key.bytes[0] = 1;
    fixture_identity_drop(&other);
    fixture_identity_drop(&below);
    make_bundle();
}

static int make(void **state)
{
    const struct fixture_wish ca = {.authority = true}, code = {0};

    (void)state;
    root = fixture_identity("root", NULL, ca);
    signer = fixture_identity("signer", &root, code);
    char *pem = fixture_certificate_pem(root.certificate), *list = fixture_list_pem(&root, signer.certificate, HOUR);
    assert_done(hf_authority_parse(pem, strlen(pem), "ca", &authority, ERR));
    assert_done(hf_authority_parse(pem, strlen(pem), "ca", &revoking, ERR));
    assert_done(hf_authority_revoke(revoking, list, strlen(list), "crl", ERR));
    free(pem);
    free(list);
    der = fixture_cms(&signer, NULL, message, sizeof(message) - 1, CMS_DETACHED, &der_size);
    fixture_signer(&key);
    make_parties();
    return hf_private_key_sign(key.key, message, sizeof(message), signature, NULL);
}

static int drop(void **state)
{
    (void)state;
    fixture_identity_drop(&root);
    fixture_identity_drop(&signer);
    hf_authority_destroy(authority);
    hf_authority_destroy(revoking);
    hf_authority_destroy(parties[0].authority);
    hf_authority_destroy(parties[1].authority);
    hf_authority_destroy(issuer);
    hf_authority_destroy(issued);
    fixture_identity_drop(&rsa);
    free((void *)(uintptr_t)bundle.signatures[0].cms);
    hf_private_key_destroy(key.key);
    free(der);
    return 0;
}

static void a_revoked_certificate_stays_refused(void **state)
{
    (void)state;
    exhaust(verify_revoked, false);
}

static void a_certificates_signature_over_other_bytes_stays_refused(void **state)
{
    (void)state;
    exhaust(verify_other, false);
}

static void a_good_certificate_is_accepted_or_refused(void **state)
{
    (void)state;
    exhaust(verify_good, true);
}

static void a_keys_signature_over_other_bytes_stays_refused(void **state)
{
    (void)state;
    exhaust(verify_key_other, false);
}

static void a_good_key_is_accepted_or_refused(void **state)
{
    (void)state;
    exhaust(verify_key, true);
}

static void the_owner_of_a_key_is_told_or_not_told(void **state)
{
    (void)state;
    exhaust(tell_ec, true);
    exhaust(tell_rsa, true);
}

static void a_bundle_is_judged_by_what_it_is(void **state)
{
    (void)state;
    exhaust(verify_bundle, true);
    exhaust(verify_other_bundle, false);
}

static void authorities_that_overlap_stay_refused(void **state)
{
    (void)state;
    exhaust(apart, true);
    exhaust(overlap, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revoked_certificate_stays_refused),
        cmocka_unit_test(a_certificates_signature_over_other_bytes_stays_refused),
        cmocka_unit_test(a_good_certificate_is_accepted_or_refused),
        cmocka_unit_test(a_keys_signature_over_other_bytes_stays_refused),
        cmocka_unit_test(a_good_key_is_accepted_or_refused),
        cmocka_unit_test(the_owner_of_a_key_is_told_or_not_told),
        cmocka_unit_test(a_bundle_is_judged_by_what_it_is),
        cmocka_unit_test(authorities_that_overlap_stay_refused),
    };
    /* Before libcrypto's first allocation, or never. */
    if (CRYPTO_set_mem_functions(failing_malloc, failing_realloc, plain_free) != 1)
        return 1;
    return cmocka_run_group_tests(tests, make, drop);
}
