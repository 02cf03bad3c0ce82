/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation of libcrypto fails in turn while a signature is verified, by a key and by a certificate: what must
 * be refused is refused whichever fails, and what is good is accepted or refused; nothing crashes.
 */
#include <openssl/crypto.h>

#include "authority.h"
#include "certificate_fixture.h"
#include "cms.h"

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
    return hf_private_key_sign(key.key, message, sizeof(message), signature, NULL);
}

static int drop(void **state)
{
    (void)state;
    fixture_identity_drop(&root);
    fixture_identity_drop(&signer);
    hf_authority_destroy(authority);
    hf_authority_destroy(revoking);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revoked_certificate_stays_refused),
        cmocka_unit_test(a_certificates_signature_over_other_bytes_stays_refused),
        cmocka_unit_test(a_good_certificate_is_accepted_or_refused),
        cmocka_unit_test(a_keys_signature_over_other_bytes_stays_refused),
        cmocka_unit_test(a_good_key_is_accepted_or_refused),
    };
    /* Before libcrypto's first allocation, or never. */
    if (CRYPTO_set_mem_functions(failing_malloc, failing_realloc, plain_free) != 1)
        return 1;
    return cmocka_run_group_tests(tests, make, drop);
}
