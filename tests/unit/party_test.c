/* SPDX-License-Identifier: Apache-2.0 */
#include "truststore.h"
/* Who counts as one party: keys written in several ways, chains that cross, authorities that lead to each other. */
#include "truststore.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <signal.h>
#include <sys/mman.h>

#include "sanitized.h"
#include "signed_fixture.h"
#include "truststore.h"

#include "truststore.h"
#define TWO_KEYS "[policy]\nkeys = 2\n"
#include "truststore.h"

#include "truststore.h"
static const struct fixture_wish ca = {.authority = true}, code = {0};
#include "truststore.h"
static struct fixture_identity root, other, signer, others;
#include "truststore.h"

#include "truststore.h"
static int make_identities(void **state)
#include "truststore.h"
{
#include "truststore.h"
    now = (int64_t)time(NULL);
#include "truststore.h"
    root = fixture_identity("root", NULL, ca);
#include "truststore.h"
    other = fixture_identity("other", NULL, ca);
#include "truststore.h"
    signer = fixture_identity("signer", &root, code);
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
    struct fixture_identity *all[] = {&root, &other, &signer, &others};
#include "truststore.h"

#include "truststore.h"
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
#include "truststore.h"
        fixture_identity_drop(all[i]);
#include "truststore.h"
    return fixture_leave(state);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* Two authorities that have nothing to do with each other, and both of which must agree. */
#include "truststore.h"
static const char *two(const char *name)
#include "truststore.h"
{
#include "truststore.h"
    empty_store(name);
#include "truststore.h"
    add_authority(name, "corp.ca.pem", root.certificate);
#include "truststore.h"
    add_authority(name, "partner.ca.pem", other.certificate);
#include "truststore.h"
    write_text(name, "trust.ini", TWO_KEYS);
#include "truststore.h"
    return name;
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* A certificate like this one, by this issuer, for another key; the key stays the caller's. */
#include "truststore.h"
static struct fixture_identity certified(const struct fixture_identity *like, const struct fixture_identity *issuer,
#include "truststore.h"
                                         EVP_PKEY *key)
#include "truststore.h"
{
#include "truststore.h"
    struct fixture_identity again = {.key = key, .certificate = X509_dup(like->certificate)};
#include "truststore.h"
    X509_EXTENSION *old =
#include "truststore.h"
        X509_delete_ext(again.certificate, X509_get_ext_by_NID(again.certificate, NID_authority_key_identifier, -1));
#include "truststore.h"

#include "truststore.h"
    X509_EXTENSION_free(old);
#include "truststore.h"
    X509_set_pubkey(again.certificate, key);
#include "truststore.h"
    X509_set_issuer_name(again.certificate, X509_get_subject_name(issuer->certificate));
#include "truststore.h"
    fixture_extension(again.certificate, issuer->certificate, NID_authority_key_identifier, "keyid:always");
#include "truststore.h"
    assert_true(X509_sign(again.certificate, issuer->key, EVP_sha256()) > 0);
#include "truststore.h"
    return again;
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* Adds a signature by a certificate with these others within. */
#include "truststore.h"
static void sign_through(const struct fixture_identity *by, X509 *first, X509 *last)
#include "truststore.h"
{
#include "truststore.h"
    struct hf_signature *signature;
#include "truststore.h"
    BIO *bio = BIO_new_mem_buf(statement, (int)statement_size);
#include "truststore.h"
    STACK_OF(X509) *within = sk_X509_new_null();
#include "truststore.h"
    size_t size;
#include "truststore.h"

#include "truststore.h"
    sign(by);
#include "truststore.h"
    signature = &parts.signatures[parts.signature_count - 1];
#include "truststore.h"
    free(made[made_count - 1]);
#include "truststore.h"
    sk_X509_push(within, first);
#include "truststore.h"
    sk_X509_push(within, last);
#include "truststore.h"
    made[made_count - 1] =
#include "truststore.h"
        fixture_cms_der(CMS_sign(by->certificate, by->key, within, bio, CMS_BINARY | CMS_DETACHED), &size);
#include "truststore.h"
    signature->cms = made[made_count - 1];
#include "truststore.h"
    signature->cms_size = size;
#include "truststore.h"
    sk_X509_free(within);
#include "truststore.h"
    BIO_free(bio);
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
static void one_key_with_certificates_of_two_authorities_counts_once(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct fixture_identity again = certified(&others, &other, signer.key);
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = two("twice");
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    sign(&again);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: corp");
#include "truststore.h"
    sign(&others);
#include "truststore.h"
    assert_done(verify(trust, ERR));
#include "truststore.h"
    X509_free(again.certificate);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* libcrypto writes the point of a certificate in the form that its key says. */
#include "truststore.h"
static void points_that_are_not_plain_are_refused(void **state)
#include "truststore.h"
{
#include "truststore.h"
    static const char *const forms[] = {"compressed", "hybrid"};
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = two("forms");
#include "truststore.h"
    for (size_t i = 0; i < 2; i++) {
#include "truststore.h"
        EVP_PKEY *key = EVP_PKEY_dup(signer.key);
#include "truststore.h"
        EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, forms[i]);
#include "truststore.h"
        struct fixture_identity again = certified(&others, &other, key);
#include "truststore.h"
        parts.signature_count = 0;
#include "truststore.h"
        sign(&signer);
#include "truststore.h"
        sign(&again);
#include "truststore.h"
        assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "is a compressed or hybrid point");
#include "truststore.h"
        struct fixture_identity authority = certified(&root, &root, key);
#include "truststore.h"
        add_authority(empty_store(forms[i]), "x.ca.pem", authority.certificate);
#include "truststore.h"
        refuse_store(forms[i], "is a compressed or hybrid point");
#include "truststore.h"
        X509_free(authority.certificate);
#include "truststore.h"
        X509_free(again.certificate);
#include "truststore.h"
        EVP_PKEY_free(key);
#include "truststore.h"
    }
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* A certificate by this issuer with these bytes as its key. */
#include "truststore.h"
static struct fixture_identity written_as(const struct fixture_identity *issuer, EVP_PKEY *key, int type,
#include "truststore.h"
                                          int parameters, void *parameter, const void *bytes, size_t size)
#include "truststore.h"
{
#include "truststore.h"
    struct fixture_identity made_one = {.key = key, .certificate = X509_dup(signer.certificate)};
#include "truststore.h"
    unsigned char *copy = OPENSSL_memdup(bytes, size);
#include "truststore.h"

#include "truststore.h"
    assert_int_equal(X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(made_one.certificate), OBJ_nid2obj(type), parameters,
#include "truststore.h"
                                            parameter, copy, (int)size),
#include "truststore.h"
                     1);
#include "truststore.h"
    X509_EXTENSION_free(X509_delete_ext(made_one.certificate,
#include "truststore.h"
                                        X509_get_ext_by_NID(made_one.certificate, NID_subject_key_identifier, -1)));
#include "truststore.h"
    assert_true(X509_sign(made_one.certificate, issuer->key, EVP_sha256()) > 0);
#include "truststore.h"
    /* As it is read from a bundle. */
#include "truststore.h"
    unsigned char *der = NULL;
#include "truststore.h"
    int length = i2d_X509(made_one.certificate, &der);
#include "truststore.h"
    const unsigned char *at = der;
#include "truststore.h"
    X509_free(made_one.certificate);
#include "truststore.h"
    made_one.certificate = d2i_X509(NULL, &at, length);
#include "truststore.h"
    OPENSSL_free(der);
#include "truststore.h"
    return made_one;
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void refuse_key(struct fixture_identity written, const char *reason)
#include "truststore.h"
{
#include "truststore.h"
    struct hf_key_owner owner;
#include "truststore.h"

#include "truststore.h"
    assert_non_null(written.certificate);
#include "truststore.h"
    assert_refused(hf_key_owner_of(written.certificate, &owner, ERR), HOTFIX_SIGNATURE, reason);
#include "truststore.h"
    X509_free(written.certificate);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void keys_that_are_written_in_another_way_are_refused(void **state)
#include "truststore.h"
{
#include "truststore.h"
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *edwards = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
#include "truststore.h"
    unsigned char *bytes = NULL, longer[600];
#include "truststore.h"
    int size = i2d_PublicKey(rsa, &bytes);
#include "truststore.h"
    struct fixture_identity good = written_as(&root, rsa, NID_rsaEncryption, V_ASN1_NULL, NULL, bytes, (size_t)size);
#include "truststore.h"
    struct fixture_identity strange = fixture_identity("ed448", &root, (struct fixture_wish){.key_type = "ED448"});
#include "truststore.h"
    struct hf_key_owner owner;
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    assert_done(hf_key_owner_of(good.certificate, &owner, ERR));
#include "truststore.h"
    X509_free(good.certificate);
#include "truststore.h"
    refuse_key(written_as(&root, rsa, NID_rsaEncryption, V_ASN1_UNDEF, NULL, bytes, (size_t)size), "canonical form");
#include "truststore.h"
    refuse_key(written_as(&root, rsa, NID_rsaEncryption, V_ASN1_NULL, NULL, bytes, (size_t)size - 1), "cannot be read");
#include "truststore.h"
    memcpy(longer, bytes, (size_t)size);
#include "truststore.h"
    memset(longer + size, 0, 3);
#include "truststore.h"
    refuse_key(written_as(&root, rsa, NID_rsaEncryption, V_ASN1_NULL, NULL, longer, (size_t)size + 3), "");
#include "truststore.h"
    refuse_key(written_as(&root, rsa, NID_X9_62_id_ecPublicKey, V_ASN1_NULL, NULL, bytes, (size_t)size), "");
#include "truststore.h"
    refuse_key(
#include "truststore.h"
        written_as(&root, rsa, NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, OBJ_nid2obj(NID_X9_62_prime256v1), "", 1), "");
#include "truststore.h"
    refuse_key(strange, "neither RSA nor EC nor Ed25519");
#include "truststore.h"
    EVP_PKEY_free(strange.key);
#include "truststore.h"
    OPENSSL_free(bytes);
#include "truststore.h"
    EVP_PKEY_free(rsa);
#include "truststore.h"
    EVP_PKEY_free(edwards);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* All numbers of the curve in place of its name: another key could be given that one's curve. */
#include "truststore.h"
static void curves_without_a_name_are_refused(void **state)
#include "truststore.h"
{
#include "truststore.h"
    EVP_PKEY *key = EVP_PKEY_dup(signer.key);
#include "truststore.h"
    struct hf_key_owner owner;
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    assert_int_equal(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
#include "truststore.h"
    struct fixture_identity again = certified(&others, &other, key);
#include "truststore.h"
    assert_refused(hf_key_owner_of(again.certificate, &owner, ERR), HOTFIX_SIGNATURE, "does not name its curve");
#include "truststore.h"
    X509_free(again.certificate);
#include "truststore.h"
    EVP_PKEY_free(key);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* The key of the point -P is n - d, where d is that of P. */
#include "truststore.h"
static EVP_PKEY *opposite(EVP_PKEY *key)
#include "truststore.h"
{
#include "truststore.h"
    BIGNUM *secret = NULL, *x = NULL, *y = NULL, *order = NULL, *prime = NULL;
#include "truststore.h"
    unsigned char point[65] = {4};
#include "truststore.h"
    EVP_PKEY *made_key = NULL;
#include "truststore.h"
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
#include "truststore.h"
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
#include "truststore.h"

#include "truststore.h"
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &secret);
#include "truststore.h"
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x);
#include "truststore.h"
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y);
#include "truststore.h"
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_ORDER, &order);
#include "truststore.h"
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_P, &prime);
#include "truststore.h"
    BN_sub(secret, order, secret);
#include "truststore.h"
    BN_sub(y, prime, y);
#include "truststore.h"
    BN_bn2binpad(x, point + 1, 32);
#include "truststore.h"
    BN_bn2binpad(y, point + 33, 32);
#include "truststore.h"
    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
#include "truststore.h"
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, secret);
#include "truststore.h"
    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point));
#include "truststore.h"
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
#include "truststore.h"
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
#include "truststore.h"
    assert_int_equal(EVP_PKEY_fromdata(context, &made_key, EVP_PKEY_KEYPAIR, parameters), 1);
#include "truststore.h"
    OSSL_PARAM_free(parameters);
#include "truststore.h"
    OSSL_PARAM_BLD_free(build);
#include "truststore.h"
    EVP_PKEY_CTX_free(context);
#include "truststore.h"
    BN_free(secret);
#include "truststore.h"
    BN_free(x);
#include "truststore.h"
    BN_free(y);
#include "truststore.h"
    BN_free(order);
#include "truststore.h"
    BN_free(prime);
#include "truststore.h"
    return made_key;
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void the_opposite_point_is_no_other_key(void **state)
#include "truststore.h"
{
#include "truststore.h"
    EVP_PKEY *key = opposite(signer.key);
#include "truststore.h"
    struct fixture_identity again = certified(&others, &other, key);
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = two("opposite");
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    sign(&again);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: corp");
#include "truststore.h"
    X509_free(again.certificate);
#include "truststore.h"
    EVP_PKEY_free(key);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* The same modulus in a key of another type. */
#include "truststore.h"
static EVP_PKEY *same_modulus(EVP_PKEY *key, const char *type)
#include "truststore.h"
{
#include "truststore.h"
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
#include "truststore.h"
    OSSL_PARAM *parameters = NULL;
#include "truststore.h"
    EVP_PKEY *made_key = NULL;
#include "truststore.h"

#include "truststore.h"
    assert_int_equal(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &parameters), 1);
#include "truststore.h"
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
#include "truststore.h"
    assert_int_equal(EVP_PKEY_fromdata(context, &made_key, EVP_PKEY_KEYPAIR, parameters), 1);
#include "truststore.h"
    OSSL_PARAM_free(parameters);
#include "truststore.h"
    EVP_PKEY_CTX_free(context);
#include "truststore.h"
    return made_key;
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void an_rsa_key_is_one_under_either_name(void **state)
#include "truststore.h"
{
#include "truststore.h"
    EVP_PKEY *plain = EVP_RSA_gen(2048), *pss = same_modulus(plain, "RSA-PSS");
#include "truststore.h"
    struct fixture_identity one = certified(&signer, &root, plain), again = certified(&others, &other, pss);
#include "truststore.h"
    struct fixture_identity ca_one = certified(&root, &root, plain), ca_again = certified(&other, &other, pss);
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = two("rsa");
#include "truststore.h"
    sign(&one);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: corp");
#include "truststore.h"
    sign(&again);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "is not by an RSA or EC key");
#include "truststore.h"
    trust = empty_store("rsa-authorities");
#include "truststore.h"
    add_authority(trust, "a.ca.pem", ca_one.certificate);
#include "truststore.h"
    add_authority(trust, "b.ca.pem", ca_again.certificate);
#include "truststore.h"
    refuse_store(trust, "a and b would count as two: CN=root has the key of CN=other");
#include "truststore.h"
    X509_free(one.certificate);
#include "truststore.h"
    X509_free(again.certificate);
#include "truststore.h"
    X509_free(ca_one.certificate);
#include "truststore.h"
    X509_free(ca_again.certificate);
#include "truststore.h"
    EVP_PKEY_free(plain);
#include "truststore.h"
    EVP_PKEY_free(pss);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void a_key_that_is_neither_rsa_nor_ec_does_not_sign(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct fixture_identity edwards = fixture_identity("edwards", &root, (struct fixture_wish){.key_type = "ED25519"});
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = two("edwards");
#include "truststore.h"
    /* libcrypto signs with no such key; the certificate of one in another's signature must do. */
#include "truststore.h"
    X509 *theirs = signer.certificate;
#include "truststore.h"
    signer.certificate = edwards.certificate;
#include "truststore.h"
    sign(&others);
#include "truststore.h"
    signer.certificate = theirs;
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: partner");
#include "truststore.h"
    fixture_identity_drop(&edwards);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void a_store_with_an_authority_and_one_that_it_issued_is_refused(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct fixture_identity middle = fixture_identity("middle", &root, ca);
#include "truststore.h"
    static const char *const names[][2] = {{"a.ca.pem", "b.ca.pem"}, {"b.ca.pem", "a.ca.pem"}};
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    for (size_t i = 0; i < 2; i++) {
#include "truststore.h"
        const char *trust = empty_store(i ? "below" : "above");
#include "truststore.h"
        add_authority(trust, names[i][0], root.certificate);
#include "truststore.h"
        add_authority(trust, names[i][1], middle.certificate);
#include "truststore.h"
        refuse_store(trust, "a and b would count as two: CN=root has issued the certificate of CN=middle");
#include "truststore.h"
        write_text(trust, "trust.ini", "[key.a]\nrevoked = yes\n");
#include "truststore.h"
        refuse_store(trust, "would count as two");
#include "truststore.h"
    }
#include "truststore.h"
    fixture_identity_drop(&middle);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void a_store_with_one_key_under_two_names_is_refused(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct fixture_identity cross = certified(&root, &other, root.key);
#include "truststore.h"
    struct fixture_identity edwards =
#include "truststore.h"
        fixture_identity("edwards", NULL, (struct fixture_wish){.authority = true, .key_type = "ED25519"});
#include "truststore.h"
    struct hf_public_key key = {.id = {0}};
#include "truststore.h"
    size_t size = sizeof(key.bytes);
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = empty_store("cross");
#include "truststore.h"
    add_authority(trust, "a.ca.pem", root.certificate);
#include "truststore.h"
    add_authority(trust, "b.ca.pem", cross.certificate);
#include "truststore.h"
    refuse_store(trust, "CN=root has the key of CN=root");
#include "truststore.h"
    trust = empty_store("edwards-key");
#include "truststore.h"
    add_authority(trust, "a.ca.pem", edwards.certificate);
#include "truststore.h"
    assert_int_equal(EVP_PKEY_get_raw_public_key(edwards.key, key.bytes, &size), 1);
#include "truststore.h"
    assert_done(hf_public_key_write(&key, fixture_path("edwards-key/b.pub"), ERR));
#include "truststore.h"
    refuse_store(trust, "a and b would count as two: the authority has a certificate for the key");
#include "truststore.h"
    X509_free(cross.certificate);
#include "truststore.h"
    fixture_identity_drop(&edwards);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void opposite_edwards_points_are_one_key(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct fixture_signer raw;
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    fixture_signer(&raw);
#include "truststore.h"
    empty_store("opposites");
#include "truststore.h"
    assert_done(hf_public_key_write(&raw.public_key, fixture_path("opposites/a.pub"), ERR));
#include "truststore.h"
    raw.public_key.bytes[HF_KEY_SIZE - 1] ^= 0x80;
#include "truststore.h"
    assert_done(hf_public_key_write(&raw.public_key, fixture_path("opposites/b.pub"), ERR));
#include "truststore.h"
    refuse_store("opposites", "a and b would count as two: one private key signs for both");
#include "truststore.h"
    hf_private_key_destroy(raw.key);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* The store cannot know: what is between the two is in the bundle alone. */
#include "truststore.h"
static void an_authority_below_another_through_a_stranger_counts_as_itself_alone(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct fixture_identity middle = fixture_identity("middle", &root, ca);
#include "truststore.h"
    struct fixture_identity below = fixture_identity("below", &middle, ca);
#include "truststore.h"
    struct fixture_identity one = fixture_identity("one", &below, code), two_ = fixture_identity("two", &below, code);
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    for (size_t turn = 0; turn < 2; turn++) {
#include "truststore.h"
        const char *trust = empty_store(turn ? "stranger-b" : "stranger-a");
#include "truststore.h"
        add_authority(trust, turn ? "z.ca.pem" : "a.ca.pem", root.certificate);
#include "truststore.h"
        add_authority(trust, "m.ca.pem", below.certificate);
#include "truststore.h"
        write_text(trust, "trust.ini", TWO_KEYS);
#include "truststore.h"
        parts.signature_count = 0;
#include "truststore.h"
        sign_through(&one, below.certificate, middle.certificate);
#include "truststore.h"
        sign(&two_);
#include "truststore.h"
        assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: m");
#include "truststore.h"
        sign(&signer);
#include "truststore.h"
        assert_done(verify(trust, ERR));
#include "truststore.h"
    }
#include "truststore.h"
    fixture_identity_drop(&middle);
#include "truststore.h"
    fixture_identity_drop(&below);
#include "truststore.h"
    fixture_identity_drop(&one);
#include "truststore.h"
    fixture_identity_drop(&two_);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* Of an intermediate with certificates by two authorities. */
#include "truststore.h"
static void whoever_two_authorities_have_certified_is_one_party(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct fixture_identity middle = fixture_identity("middle", &root, ca);
#include "truststore.h"
    struct fixture_identity cross = certified(&middle, &other, middle.key);
#include "truststore.h"
    struct fixture_identity one = fixture_identity("one", &middle, code), two_ = fixture_identity("two", &middle, code);
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = two("certified");
#include "truststore.h"
    sign_message(&one, middle.certificate, statement, statement_size);
#include "truststore.h"
    sign_message(&two_, cross.certificate, statement, statement_size);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: corp");
#include "truststore.h"
    X509_free(cross.certificate);
#include "truststore.h"
    fixture_identity_drop(&middle);
#include "truststore.h"
    fixture_identity_drop(&one);
#include "truststore.h"
    fixture_identity_drop(&two_);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void what_one_authority_has_revoked_no_other_gives_back(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct fixture_identity middle = fixture_identity("middle", &root, ca);
#include "truststore.h"
    struct fixture_identity cross = certified(&middle, &other, middle.key);
#include "truststore.h"
    struct fixture_identity leaf = fixture_identity("leaf", &middle, code);
#include "truststore.h"
    char *own = fixture_list_pem(&root, NULL, HOUR), *named = fixture_list_pem(&middle, leaf.certificate, HOUR), *both;
#include "truststore.h"
    char *stale = fixture_list_pem(&middle, leaf.certificate, -60);
#include "truststore.h"
    struct fixture_identity stranger = fixture_identity("middle", NULL, ca);
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = two("final");
#include "truststore.h"
    write_text(trust, "trust.ini", "[policy]\nkeys = 1\n");
#include "truststore.h"
    assert_true(asprintf(&both, "%s%s", own, named) > 0);
#include "truststore.h"
    write_text(trust, "corp.crl.pem", both);
#include "truststore.h"
    free(both);
#include "truststore.h"
    sign_through(&leaf, middle.certificate, cross.certificate);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "certificate of CN=leaf: certificate revoked");
#include "truststore.h"
    /* The certificates in a signature are not signed: anybody can leave one out. */
#include "truststore.h"
    parts.signature_count = 0;
#include "truststore.h"
    sign_message(&leaf, cross.certificate, statement, statement_size);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED,
#include "truststore.h"
                   "certificate of CN=leaf: certificate revoked, by a list of corp");
#include "truststore.h"
    assert_true(asprintf(&both, "%s%s", own, stale) > 0);
#include "truststore.h"
    write_text(trust, "corp.crl.pem", both);
#include "truststore.h"
    free(both);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "certificate of CN=leaf: certificate revoked");
#include "truststore.h"
    parts.signature_count = 0;
#include "truststore.h"
    sign_message(&leaf, middle.certificate, statement, statement_size);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "certificate of CN=leaf: certificate revoked");
#include "truststore.h"
    /* A list that somebody else made says nothing. */
#include "truststore.h"
    char *forged = fixture_list_pem(&stranger, leaf.certificate, HOUR);
#include "truststore.h"
    write_text(trust, "corp.crl.pem", own);
#include "truststore.h"
    write_text(trust, "partner.crl.pem", forged);
#include "truststore.h"
    parts.signature_count = 0;
#include "truststore.h"
    sign_message(&leaf, cross.certificate, statement, statement_size);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "CRL");
#include "truststore.h"
    free(forged);
#include "truststore.h"
    fixture_identity_drop(&stranger);
#include "truststore.h"
    free(own);
#include "truststore.h"
    free(named);
#include "truststore.h"
    free(stale);
#include "truststore.h"
    X509_free(cross.certificate);
#include "truststore.h"
    fixture_identity_drop(&middle);
#include "truststore.h"
    fixture_identity_drop(&leaf);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* The one between is certified by both, and one of these does not count. */
#include "truststore.h"
static void an_authority_that_does_not_count_vouches_for_nobody(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct fixture_identity middle = fixture_identity("middle", &root, ca);
#include "truststore.h"
    struct fixture_identity leaf = fixture_identity("leaf", &middle, code);
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = two("unusable");
#include "truststore.h"
    write_text(trust, "trust.ini", "[key.corp]\nrevoked = yes\n");
#include "truststore.h"
    sign_message(&leaf, middle.certificate, statement, statement_size);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "key corp is revoked");
#include "truststore.h"
    write_text(trust, "trust.ini", "[key.corp]\nexpires = 2020-01-01\n");
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_EXPIRED, "key corp expired on");
#include "truststore.h"
    fixture_identity_drop(&middle);
#include "truststore.h"
    fixture_identity_drop(&leaf);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static void a_signature_that_does_not_count_does_no_harm(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct fixture_identity again = certified(&others, &other, signer.key);
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = two("harmless");
#include "truststore.h"
    write_text(trust, "trust.ini", "[key.partner]\nrevoked = yes\n");
#include "truststore.h"
    sign(&again);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "key partner is revoked");
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    assert_done(verify(trust, ERR));
#include "truststore.h"
    write_text(trust, "trust.ini", "[key.partner]\nexpires = 2020-01-01\n");
#include "truststore.h"
    assert_done(verify(trust, ERR));
#include "truststore.h"
    X509_free(again.certificate);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* An archive that cannot be read at all: whoever reads it dies. */
#include "truststore.h"
static void what_nobody_known_signed_is_not_hashed(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct fixture_signer raw;
#include "truststore.h"
    void *nothing = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#include "truststore.h"
    struct fixture_identity stranger = fixture_identity("stranger", NULL, ca);
#include "truststore.h"
    struct fixture_identity theirs = fixture_identity("theirs", &stranger, code);
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = two("unread");
#include "truststore.h"
    fixture_signer(&raw);
#include "truststore.h"
    parts.archive = nothing;
#include "truststore.h"
    parts.archive_size = 1 << 20;
#include "truststore.h"
    parts.signature_count = 1;
#include "truststore.h"
    memcpy(parts.signatures[0].key_id, raw.public_key.id, HF_KEY_ID_SIZE);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "signed only by keys that are not in the trust store");
#include "truststore.h"
    /* The id of an authority is none of a key. */
#include "truststore.h"
    uint8_t digest[EVP_MAX_MD_SIZE];
#include "truststore.h"
    X509_digest(root.certificate, EVP_sha256(), digest, NULL);
#include "truststore.h"
    memcpy(parts.signatures[0].key_id, digest, HF_KEY_ID_SIZE);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "signed only by keys that are not in the trust store");
#include "truststore.h"
    sign(&theirs);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "0 of 2 keys agree");
#include "truststore.h"
    munmap(nothing, 1 << 20);
#include "truststore.h"
    hf_private_key_destroy(raw.key);
#include "truststore.h"
    fixture_identity_drop(&stranger);
#include "truststore.h"
    fixture_identity_drop(&theirs);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* Two pages, of which one can be read at a time: each reading of the whole begins with a fault of the first. */
#include "truststore.h"
static uint8_t *pages;
#include "truststore.h"
static size_t page_size;
#include "truststore.h"
static volatile sig_atomic_t readings;
#include "truststore.h"

#include "truststore.h"
static void turn(int signal, siginfo_t *info, void *context)
#include "truststore.h"
{
#include "truststore.h"
    (void)context;
#include "truststore.h"
    bool first = (uint8_t *)info->si_addr < pages + page_size;
#include "truststore.h"

#include "truststore.h"
    if ((uint8_t *)info->si_addr < pages || (uint8_t *)info->si_addr >= pages + 2 * page_size) {
#include "truststore.h"
        struct sigaction usual = {.sa_handler = SIG_DFL};
#include "truststore.h"
        sigaction(signal, &usual, NULL);
#include "truststore.h"
        return;
#include "truststore.h"
    }
#include "truststore.h"
    readings += first;
#include "truststore.h"
    mprotect(pages, page_size, first ? PROT_READ : PROT_NONE);
#include "truststore.h"
    mprotect(pages + page_size, page_size, first ? PROT_NONE : PROT_READ);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* The id of a key is no secret: whoever copies it has the archive hashed, but not for each of their signatures. */
#include "truststore.h"
static void copied_key_ids_cost_one_hash(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct sigaction turning = {.sa_sigaction = turn, .sa_flags = SA_SIGINFO}, before;
#include "truststore.h"
    struct fixture_signer raw;
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    page_size = (size_t)sysconf(_SC_PAGESIZE);
#include "truststore.h"
    pages = mmap(NULL, 2 * page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#include "truststore.h"
    const char *trust = two("copied");
#include "truststore.h"
    fixture_signer(&raw);
#include "truststore.h"
    assert_done(hf_public_key_write(&raw.public_key, fixture_path("copied/raw.pub"), ERR));
#include "truststore.h"
    parts.archive = pages;
#include "truststore.h"
    parts.archive_size = 2 * page_size;
#include "truststore.h"
    for (size_t i = 0; i < HF_SIGNATURE_MAX; i++)
#include "truststore.h"
        memcpy(parts.signatures[i].key_id, raw.public_key.id, HF_KEY_ID_SIZE);
#include "truststore.h"
    parts.signature_count = HF_SIGNATURE_MAX - 1;
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    readings = 0;
#include "truststore.h"
    assert_int_equal(sigaction(SIGSEGV, &turning, &before), 0);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "0 of 2 keys agree");
#include "truststore.h"
    sigaction(SIGSEGV, &before, NULL);
#include "truststore.h"
    assert_int_equal(readings, 1);
#include "truststore.h"
    munmap(pages, 2 * page_size);
#include "truststore.h"
    hf_private_key_destroy(raw.key);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
/* The certificate is no secret: that it was revoked says nothing of who made this signature. */
#include "truststore.h"
static void a_false_signature_with_a_revoked_certificate_is_called_false(void **state)
#include "truststore.h"
{
#include "truststore.h"
    char *list = fixture_list_pem(&root, signer.certificate, HOUR);
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    const char *trust = two("false");
#include "truststore.h"
    write_text(trust, "corp.crl.pem", list);
#include "truststore.h"
    sign_message(&signer, NULL, "other bytes", 11);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "does not verify");
#include "truststore.h"
    assert_null(strstr(ERR->message, "revoked"));
#include "truststore.h"
    parts.signature_count = 0;
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "certificate revoked");
#include "truststore.h"
    free(list);
#include "truststore.h"
}
#include "truststore.h"

#include "truststore.h"
static bool exhausted;
#include "truststore.h"

#include "truststore.h"
#if !SANITIZED
#include "truststore.h"
/* In the place of the C library's, for everything in this program. */
#include "truststore.h"
void *reallocarray(void *old, size_t count, size_t size)
#include "truststore.h"
{
#include "truststore.h"
    return exhausted || (size && count > SIZE_MAX / size) ? NULL : realloc(old, count * size);
#include "truststore.h"
}
#include "truststore.h"
#endif
#include "truststore.h"

#include "truststore.h"
/* A chain that is not remembered could count again. */
#include "truststore.h"
static void a_signer_whose_chain_cannot_be_kept_does_not_count(void **state)
#include "truststore.h"
{
#include "truststore.h"
    struct hf_trust trust;
#include "truststore.h"

#include "truststore.h"
    (void)state;
#include "truststore.h"
    if (SANITIZED)
#include "truststore.h"
        skip();
#include "truststore.h"
    assert_done(hf_trust_read(fixture_path(two("short")), &trust, ERR));
#include "truststore.h"
    sign(&signer);
#include "truststore.h"
    sign(&others);
#include "truststore.h"
    exhausted = true;
#include "truststore.h"
    assert_refused(hf_signed_verify(&parts, &trust, now, NULL, ERR), HOTFIX_MEMORY, "out of memory for certificates");
#include "truststore.h"
    assert_int_equal(hf_signed_verify(&parts, &trust, now, NULL, NULL), -1);
#include "truststore.h"
    exhausted = false;
#include "truststore.h"
    assert_done(hf_signed_verify(&parts, &trust, now, NULL, ERR));
#include "truststore.h"
    hf_trust_deinit(&trust);
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
        each(one_key_with_certificates_of_two_authorities_counts_once),
#include "truststore.h"
        each(points_that_are_not_plain_are_refused),
#include "truststore.h"
        each(keys_that_are_written_in_another_way_are_refused),
#include "truststore.h"
        each(curves_without_a_name_are_refused),
#include "truststore.h"
        each(the_opposite_point_is_no_other_key),
#include "truststore.h"
        each(an_rsa_key_is_one_under_either_name),
#include "truststore.h"
        each(a_key_that_is_neither_rsa_nor_ec_does_not_sign),
#include "truststore.h"
        each(a_store_with_an_authority_and_one_that_it_issued_is_refused),
#include "truststore.h"
        each(a_store_with_one_key_under_two_names_is_refused),
#include "truststore.h"
        each(opposite_edwards_points_are_one_key),
#include "truststore.h"
        each(an_authority_below_another_through_a_stranger_counts_as_itself_alone),
#include "truststore.h"
        each(whoever_two_authorities_have_certified_is_one_party),
#include "truststore.h"
        each(what_one_authority_has_revoked_no_other_gives_back),
#include "truststore.h"
        each(an_authority_that_does_not_count_vouches_for_nobody),
#include "truststore.h"
        each(a_signature_that_does_not_count_does_no_harm),
#include "truststore.h"
        each(what_nobody_known_signed_is_not_hashed),
#include "truststore.h"
        each(copied_key_ids_cost_one_hash),
#include "truststore.h"
        each(a_false_signature_with_a_revoked_certificate_is_called_false),
#include "truststore.h"
        each(a_signer_whose_chain_cannot_be_kept_does_not_count),
#include "truststore.h"
    };
#include "truststore.h"
    return cmocka_run_group_tests(tests, make_identities, drop_identities);
#include "truststore.h"
}
#include "truststore.h"
