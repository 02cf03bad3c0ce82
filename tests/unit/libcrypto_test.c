/* SPDX-License-Identifier: Apache-2.0 */
/* An engine that is the process's default for something would be asked in our context, too. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "libcrypto.h"

#include <openssl/ec.h>
#include <openssl/engine.h>
#include <openssl/rsa.h>

#include "authority.h"
#include "certificate_fixture.h"
#include "cms.h"
#include "digest.h"

static struct fixture_identity root, signer;
static struct hf_authority *authority;

static int make(void **state)
{
    (void)state;
    root = fixture_identity("root", NULL, (struct fixture_wish){.authority = true});
    signer = fixture_identity("signer", &root, (struct fixture_wish){0});
    char *pem = fixture_certificate_pem(root.certificate);
    assert_done(hf_authority_parse(pem, strlen(pem), "x.ca.pem", &authority, ERR));
    free(pem);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    hf_authority_destroy(authority);
    fixture_identity_drop(&root);
    fixture_identity_drop(&signer);
    return 0;
}

static int offered; /* the one algorithm that the engine has */

static int list_one(const int **nids)
{
    *nids = &offered;
    return 1;
}

static int give_digest(ENGINE *engine, const EVP_MD **digest, const int **nids, int nid)
{
    (void)engine;
    if (!digest)
        return list_one(nids);
    *digest = EVP_get_digestbynid(nid);
    return *digest != NULL;
}

static int give_method(ENGINE *engine, EVP_PKEY_METHOD **method, const int **nids, int nid)
{
    (void)engine;
    if (!method)
        return list_one(nids);
    *method = (EVP_PKEY_METHOD *)EVP_PKEY_meth_find(nid);
    return *method != NULL;
}

static int give_encoding(ENGINE *engine, EVP_PKEY_ASN1_METHOD **method, const int **nids, int nid)
{
    (void)engine;
    if (!method)
        return list_one(nids);
    *method = (EVP_PKEY_ASN1_METHOD *)EVP_PKEY_asn1_find(NULL, nid);
    return *method != NULL;
}

static ENGINE *engine_new(void)
{
    ENGINE *engine = ENGINE_new();

    assert_int_equal(ENGINE_set_id(engine, "liar"), 1);
    assert_int_equal(ENGINE_set_name(engine, "an engine of a test"), 1);
    assert_int_equal(ENGINE_add(engine), 1);
    return engine;
}

static void engine_drop(ENGINE *engine)
{
    ENGINE_unregister_digests(engine);
    ENGINE_unregister_pkey_meths(engine);
    ENGINE_unregister_pkey_asn1_meths(engine);
    ENGINE_unregister_RSA(engine);
    ENGINE_unregister_EC(engine);
    ENGINE_remove(engine);
    ENGINE_free(engine);
}

/* What is refused while there is such an engine: all, certificates alone, or nothing. */
enum harm { ALL, CERTIFICATES, NONE };

static void is_refused(enum harm harm)
{
    struct hf_digest digest;
    const char *told = "OpenSSL's engine 'liar' is the default for";

    if (harm == ALL) {
        assert_refused(hf_libcrypto(ERR) ? 0 : -1, HOTFIX_TRUST, told);
        assert_refused(hf_libcrypto_sha256(ERR) ? 0 : -1, HOTFIX_TRUST, told);
        assert_refused(hf_digest_compute("x", 1, &digest, ERR), HOTFIX_TRUST, told);
    } else {
        assert_done(hf_digest_compute("x", 1, &digest, ERR));
        assert_non_null(hf_libcrypto(ERR));
    }
    if (harm == NONE) {
        assert_done(hf_libcrypto_certificates(ERR));
        return;
    }
    struct hf_cms *cms;
    struct hf_authority *again;
    int64_t now = (int64_t)time(NULL);
    assert_refused(hf_libcrypto_certificates(ERR), HOTFIX_TRUST, told);
    assert_refused(hf_cms_parse("", 0, &cms, ERR), HOTFIX_TRUST, told);
    assert_refused(hf_authority_parse("", 0, "x.ca.pem", &again, ERR), HOTFIX_TRUST, told);
    assert_refused(hf_authority_vouch(authority, signer.certificate, NULL, now, now, NULL, ERR), HOTFIX_TRUST, told);
}

static void a_digest_of_an_engine_is_refused(void **state)
{
    static const struct {
        int nid;
        enum harm harm;
    } digests[] = {{NID_sha256, ALL},
                   {NID_sha512, ALL},
                   {NID_sha224, CERTIFICATES},
                   {NID_sha384, CERTIFICATES},
                   {NID_sha512_224, CERTIFICATES},
                   {NID_sha512_256, CERTIFICATES},
                   {NID_sha3_224, CERTIFICATES},
                   {NID_sha3_256, CERTIFICATES},
                   {NID_sha3_384, CERTIFICATES},
                   {NID_sha3_512, CERTIFICATES},
                   {NID_md5, NONE}};

    (void)state;
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        ENGINE *engine = engine_new();
        offered = digests[i].nid;
        assert_int_equal(ENGINE_set_digests(engine, give_digest), 1);
        assert_int_equal(ENGINE_set_default_digests(engine), 1);
        is_refused(digests[i].harm);
        engine_drop(engine);
    }
}

static void keys_of_an_engine_are_refused(void **state)
{
    static const struct {
        int nid;
        enum harm harm;
    } keys[] = {{NID_ED25519, ALL},
                {NID_rsaEncryption, CERTIFICATES},
                {NID_rsassaPss, CERTIFICATES},
                {NID_X9_62_id_ecPublicKey, CERTIFICATES},
                {NID_ED448, CERTIFICATES},
                {NID_X25519, NONE}};

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        offered = keys[i].nid;
        ENGINE *engine = engine_new();
        assert_int_equal(ENGINE_set_pkey_meths(engine, give_method), 1);
        assert_int_equal(ENGINE_set_default_pkey_meths(engine), 1);
        is_refused(keys[i].harm);
        engine_drop(engine);
        engine = engine_new();
        assert_int_equal(ENGINE_set_pkey_asn1_meths(engine, give_encoding), 1);
        assert_int_equal(ENGINE_set_default_pkey_asn1_meths(engine), 1);
        is_refused(keys[i].harm);
        engine_drop(engine);
    }
}

static void arithmetic_of_an_engine_is_refused(void **state)
{
    ENGINE *engine = engine_new();

    (void)state;
    assert_int_equal(ENGINE_set_RSA(engine, RSA_get_default_method()), 1);
    assert_int_equal(ENGINE_set_default_RSA(engine), 1);
    is_refused(CERTIFICATES);
    engine_drop(engine);
    engine = engine_new();
    assert_int_equal(ENGINE_set_EC(engine, EC_KEY_get_default_method()), 1);
    assert_int_equal(ENGINE_set_default_EC(engine), 1);
    is_refused(CERTIFICATES);
    engine_drop(engine);
}

static void an_engine_that_is_no_default_does_no_harm(void **state)
{
    ENGINE *engine = engine_new();

    (void)state;
    offered = NID_sha256;
    assert_int_equal(ENGINE_set_digests(engine, give_digest), 1);
    is_refused(NONE);
    engine_drop(engine);
    is_refused(NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_digest_of_an_engine_is_refused),
        cmocka_unit_test(keys_of_an_engine_are_refused),
        cmocka_unit_test(arithmetic_of_an_engine_is_refused),
        cmocka_unit_test(an_engine_that_is_no_default_does_no_harm),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
