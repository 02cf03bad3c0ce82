/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, revocation lists and CMS signatures as the tests need them, made by libcrypto. */
#ifndef CERTIFICATE_FIXTURE_H
#define CERTIFICATE_FIXTURE_H

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "manifest_fixture.h"

#define HOUR 3600

/* What a certificate is to be; all zero: one for signing code, valid for an hour before and after now. */
struct fixture_wish {
    const char *usage;          /* keyUsage; NULL: digitalSignature, or that of an authority */
    const char *extended_usage; /* extendedKeyUsage; NULL: codeSigning, "" none */
    bool authority;
    long from, to;        /* seconds from now; both zero: an hour before and after */
    const char *key_type; /* NULL: P-256 */
};

struct fixture_identity {
    EVP_PKEY *key;
    X509 *certificate;
};

static inline void fixture_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline void fixture_name(X509_NAME *name, const char *common_name)
{
    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0), 1);
}

/* A new key and its certificate; issuer NULL: signed by itself. */
static inline struct fixture_identity fixture_identity(const char *name, const struct fixture_identity *issuer,
                                                       struct fixture_wish wish)
{
    static long serial = 1;
    struct fixture_identity made = {.certificate = X509_new()};
    bool range = wish.from || wish.to;

    made.key = wish.key_type && strcmp(wish.key_type, "RSA1024") == 0   ? EVP_RSA_gen(1024)
               : wish.key_type && strcmp(wish.key_type, "RSA2048") == 0 ? EVP_RSA_gen(2048)
               : wish.key_type                                          ? EVP_PKEY_Q_keygen(NULL, NULL, wish.key_type)
                                                                        : EVP_EC_gen("P-256");
    assert_non_null(made.key);
    const struct fixture_identity *by = issuer ? issuer : &made;
    X509_set_version(made.certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++);
    fixture_name(X509_get_subject_name(made.certificate), name);
    X509_set_issuer_name(made.certificate, X509_get_subject_name(by->certificate));
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), range ? wish.from : -HOUR);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), range ? wish.to : HOUR);
    X509_set_pubkey(made.certificate, made.key);
    fixture_extension(made.certificate, by->certificate, NID_subject_key_identifier, "hash");
    fixture_extension(made.certificate, by->certificate, NID_authority_key_identifier, "keyid:always");
    fixture_extension(made.certificate, by->certificate, NID_basic_constraints,
                      wish.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    fixture_extension(made.certificate, by->certificate, NID_key_usage,
                      wish.usage       ? wish.usage
                      : wish.authority ? "critical,keyCertSign,cRLSign"
                                       : "critical,digitalSignature");
    const char *extended = wish.extended_usage ? wish.extended_usage : wish.authority ? "" : "critical,codeSigning";
    if (extended[0])
        fixture_extension(made.certificate, by->certificate, NID_ext_key_usage, extended);
    const EVP_MD *digest = EVP_PKEY_is_a(by->key, "ED25519") || EVP_PKEY_is_a(by->key, "ED448") ? NULL : EVP_sha256();
    assert_true(X509_sign(made.certificate, by->key, digest) > 0);
    return made;
}

static inline void fixture_identity_drop(struct fixture_identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->certificate);
}

/* The PEM text of a certificate; free it. */
static inline char *fixture_certificate_pem(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    long size = BIO_get_mem_data(bio, &text);
    text = strndup(text, (size_t)size);
    BIO_free(bio);
    return text;
}

/* The PEM text of a revocation list by this issuer, of one certificate or none, valid up to some seconds from now; why
 * is an RFC 5280 reason, CRL_REASON_NONE for none. */
static inline char *fixture_list_pem_why(const struct fixture_identity *issuer, X509 *revoked, long why, long to)
{
    X509_CRL *list = X509_CRL_new();
    ASN1_TIME *when = X509_gmtime_adj(NULL, to < 0 ? to - HOUR : -60);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    X509_CRL_set_version(list, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->certificate));
    X509_CRL_set1_lastUpdate(list, when);
    if (revoked) {
        X509_REVOKED *entry = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked));
        X509_REVOKED_set_revocationDate(entry, when);
        if (why != CRL_REASON_NONE) {
            ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
            ASN1_ENUMERATED_set(reason, why);
            assert_int_equal(X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0), 1);
            ASN1_ENUMERATED_free(reason);
        }
        assert_int_equal(X509_CRL_add0_revoked(list, entry), 1);
    }
    X509_gmtime_adj(when, to);
    X509_CRL_set1_nextUpdate(list, when);
    /* RFC 5280 asks for both extensions. */
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer->certificate, NULL, NULL, list, 0);
    X509_EXTENSION *identifier = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    assert_int_equal(X509_CRL_add_ext(list, identifier, -1), 1);
    X509_EXTENSION_free(identifier);
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    ASN1_INTEGER_set(number, 1);
    assert_int_equal(X509_CRL_add1_ext_i2d(list, NID_crl_number, number, 0, 0), 1);
    ASN1_INTEGER_free(number);
    assert_true(X509_CRL_sign(list, issuer->key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509_CRL(bio, list), 1);
    long size = BIO_get_mem_data(bio, &text);
    text = strndup(text, (size_t)size);
    BIO_free(bio);
    ASN1_TIME_free(when);
    X509_CRL_free(list);
    return text;
}

static inline char *fixture_list_pem(const struct fixture_identity *issuer, X509 *revoked, long to)
{
    return fixture_list_pem_why(issuer, revoked, CRL_REASON_NONE, to);
}

/* The DER of a CMS object, which is freed. */
static inline uint8_t *fixture_cms_der(CMS_ContentInfo *cms, size_t *size)
{
    unsigned char *der = NULL;
    int length = i2d_CMS_ContentInfo(cms, &der);

    assert_true(length > 0);
    uint8_t *copy = malloc((size_t)length);
    memcpy(copy, der, (size_t)length);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    *size = (size_t)length;
    return copy;
}

/* A detached signature over a message, with one more certificate (or NULL) within. */
static inline uint8_t *fixture_cms(const struct fixture_identity *by, X509 *more, const void *message,
                                   size_t message_size, unsigned flags, size_t *size)
{
    BIO *bio = BIO_new_mem_buf(message, (int)message_size);
    STACK_OF(X509) *others = more ? sk_X509_new_null() : NULL;

    if (more)
        sk_X509_push(others, more);
    CMS_ContentInfo *cms = CMS_sign(by->certificate, by->key, others, bio, CMS_BINARY | flags);
    assert_non_null(cms);
    sk_X509_free(others);
    BIO_free(bio);
    return fixture_cms_der(cms, size);
}

#endif
