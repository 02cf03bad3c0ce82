/* SPDX-License-Identifier: Apache-2.0 */
/* RSA keys that anybody could sign with, or nobody, though an authority certified them. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RSA_set0_key(): nothing else takes a modulus as it is */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "signed_fixture.h"
#include "truststore.h"

static struct fixture_identity root, signer;
static EVP_PKEY *honest;

static int make_identities(void **state)
{
    now = (int64_t)time(NULL);
    root = fixture_identity("root", NULL, (struct fixture_wish){.authority = true});
    signer = fixture_identity("signer", &root, (struct fixture_wish){0});
    honest = EVP_RSA_gen(2048);
    assert_done(hf_statement(archive, sizeof(archive), statement, &statement_size, ERR));
    return fixture_enter(state);
}

static int drop_identities(void **state)
{
    fixture_identity_drop(&root);
    fixture_identity_drop(&signer);
    EVP_PKEY_free(honest);
    return fixture_leave(state);
}

/* The honest key's modulus with other exponents, certified by root. */
static struct fixture_identity with_exponents(BN_ULONG public, BN_ULONG private)
{
    BIGNUM *n = NULL, *e = BN_new(), *d = BN_new();
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    struct fixture_identity identity = {.certificate = X509_dup(signer.certificate)};

    assert_int_equal(EVP_PKEY_get_bn_param(honest, OSSL_PKEY_PARAM_RSA_N, &n), 1);
    BN_set_word(e, public);
    BN_set_word(d, private);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, d);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &identity.key, EVP_PKEY_KEYPAIR, parameters), 1);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(context);
    BN_free(n);
    BN_free(e);
    BN_free(d);
    X509_set_pubkey(identity.certificate, identity.key);
    assert_true(X509_sign(identity.certificate, root.key, EVP_sha256()) > 0);
    return identity;
}

/* With an exponent of 1 a signature is its message: whoever knows the modulus signs, as here. */
static void a_key_that_anybody_has_does_not_sign(void **state)
{
    struct fixture_identity one = with_exponents(1, 1);

    (void)state;
    add_authority(empty_store("one"), "corp.ca.pem", root.certificate);
    sign(&one);
    assert_refused(verify("one", ERR), HOTFIX_SIGNATURE, "has an exponent that is 1 or even");
    sign(&signer);
    assert_done(verify("one", ERR));
    fixture_identity_drop(&one);
}

static void odd_exponents_beyond_1_have_owners(void **state)
{
    static const struct {
        BN_ULONG exponent;
        bool owned;
    } keys[] = {{1, false}, {2, false}, {3, true}, {65536, false}, {65537, true}};
    struct hf_key_owner owner;

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct fixture_identity identity = with_exponents(keys[i].exponent, 1);
        if (keys[i].owned)
            assert_done(hf_key_owner_of(identity.certificate, &owner, ERR));
        else
            assert_refused(hf_key_owner_of(identity.certificate, &owner, ERR), HOTFIX_SIGNATURE, "that is 1 or even");
        fixture_identity_drop(&identity);
    }
}

/* What is hashed of a key has room for 16,384 bits, more than libcrypto computes with. */
static void keys_too_large_to_be_told_apart_are_refused(void **state)
{
    static const struct {
        int bytes;
        const char *reason; /* NULL: none */
    } sizes[] = {{2048, NULL},
                 {2049, "has no modulus"},
                 {2090, "has no modulus"},
                 {2112, "canonical form"},
                 {9000, "canonical form"}};
    struct hf_key_owner owner;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        X509 *certificate = X509_dup(signer.certificate);
        RSA *rsa = RSA_new();
        EVP_PKEY *key = EVP_PKEY_new();
        BIGNUM *n = BN_new(), *e = BN_new();
        BN_set_bit(n, sizes[i].bytes * 8 - 1);
        BN_set_bit(n, 0);
        BN_set_word(e, 65537);
        assert_int_equal(RSA_set0_key(rsa, n, e, NULL), 1);
        assert_int_equal(EVP_PKEY_assign_RSA(key, rsa), 1);
        assert_int_equal(X509_set_pubkey(certificate, key), 1);
        if (sizes[i].reason)
            assert_refused(hf_key_owner_of(certificate, &owner, ERR), HOTFIX_SIGNATURE, sizes[i].reason);
        else
            assert_done(hf_key_owner_of(certificate, &owner, ERR));
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_that_anybody_has_does_not_sign, fresh, forget),
        cmocka_unit_test(odd_exponents_beyond_1_have_owners),
        cmocka_unit_test(keys_too_large_to_be_told_apart_are_refused),
    };
    return cmocka_run_group_tests(tests, make_identities, drop_identities);
}
