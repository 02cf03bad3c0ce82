/* SPDX-License-Identifier: Apache-2.0 */
#include "keyowner.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "libcrypto.h"
#include "point.h"
#include "pointorder.h"

#define NUMBER_MAX   2048 /* bytes of a modulus or coordinate: RSA keys of 16,384 bits, as libcrypto takes them */
#define LABEL_MAX    64
#define UNCOMPRESSED 4    /* first byte of a point's plain encoding (SEC 1, section 2.3.3) */
#define SIGN_BIT     0x80 /* in the last byte of an Ed25519 key */
#define ED25519_SIZE 32

/* What is hashed: the kind of key with its NUL, a NUL behind the curve's name, then the number's bytes. */
struct material {
    uint8_t bytes[LABEL_MAX + NUMBER_MAX];
    size_t size;
};

static void put_text(struct material *material, const char *text)
{
    size_t size = strlen(text) + 1;

    memcpy(material->bytes + material->size, text, size);
    material->size += size;
}

static int finish(const struct material *material, struct hf_key_owner *owner, struct hotfix_error *err)
{
    struct hf_digest digest;

    if (hf_digest_compute(material->bytes, material->size, &digest, err) != 0)
        return -1;
    memcpy(owner->bytes, digest.bytes, sizeof(owner->bytes));
    return 0;
}

static bool put_number(struct material *material, const EVP_PKEY *key, const char *parameter)
{
    BIGNUM *number = NULL;
    bool put = EVP_PKEY_get_bn_param(key, parameter, &number) == 1 && BN_num_bytes(number) <= NUMBER_MAX;

    if (put)
        material->size += (size_t)BN_bn2bin(number, material->bytes + material->size);
    BN_free(number);
    return put;
}

static int bad(const char *what, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_SIGNATURE, "the public key of the certificate %s", what);
}

/* The key as its certificate writes it. */
struct written {
    const unsigned char *bytes;
    int size;
    int parameters; /* type of the algorithm's parameters */
};

/* Behind what is there already. */
static bool put_integer(const EVP_PKEY *key, const char *parameter, struct material *material)
{
    BIGNUM *number = NULL;
    ASN1_INTEGER *integer =
        EVP_PKEY_get_bn_param(key, parameter, &number) == 1 ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    unsigned char *out = material->bytes + material->size;
    bool put = integer && i2d_ASN1_INTEGER(integer, NULL) <= (int)(sizeof(material->bytes) - material->size);

    if (put)
        material->size += (size_t)i2d_ASN1_INTEGER(integer, &out);
    ASN1_INTEGER_free(integer);
    BN_free(number);
    return put;
}

/* Whether the key is written as DER writes a sequence of these two numbers, and nothing besides. */
static bool rsa_is_plain(const EVP_PKEY *key, const struct written *written)
{
    struct material numbers = {.size = 0};
    unsigned char header[8], *end = header;

    if (!put_integer(key, OSSL_PKEY_PARAM_RSA_N, &numbers) || !put_integer(key, OSSL_PKEY_PARAM_RSA_E, &numbers))
        return false;
    ASN1_put_object(&end, 1, (int)numbers.size, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    size_t size = (size_t)(end - header);
    return (size_t)written->size == size + numbers.size && memcmp(written->bytes, header, size) == 0 &&
           memcmp(written->bytes + size, numbers.bytes, numbers.size) == 0;
}

/* With an exponent of 1 a signature is its message: anybody makes one. An even exponent has no private key. */
static bool rsa_has_owner(const EVP_PKEY *key)
{
    BIGNUM *exponent = NULL;
    bool owned = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 && BN_is_odd(exponent) &&
                 !BN_is_one(exponent);

    BN_free(exponent);
    return owned;
}

static int rsa(const EVP_PKEY *key, const struct written *written, struct hf_key_owner *owner, struct hotfix_error *err)
{
    struct material material = {.size = 0};

    if (!rsa_is_plain(key, written) || (EVP_PKEY_is_a(key, "RSA") && written->parameters != V_ASN1_NULL))
        return bad("is not written in the canonical form of RSA keys", err);
    if (!rsa_has_owner(key))
        return bad("has an exponent that is 1 or even: no honest RSA key has", err);
    put_text(&material, "RSA");
    if (!put_number(&material, key, OSSL_PKEY_PARAM_RSA_N))
        return bad("has no modulus", err);
    return finish(&material, owner, err);
}

/*
 * No two of these are one curve under two names, as secp224r1 and wap-wsg-idm-ecid-wtls12 are, or the same but for the
 * choice of coordinates, as brainpool's r1 and t1: there one private key has two public ones.
 */
static bool is_known(const char *curve)
{
    static const char *const known[] = {
        "secp224r1",       "prime256v1",      "secp384r1",       "secp521r1",       "secp256k1",
        "brainpoolP224r1", "brainpoolP256r1", "brainpoolP320r1", "brainpoolP384r1", "brainpoolP512r1",
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i], curve) == 0)
            return true;
    return false;
}

static int ec(const EVP_PKEY *key, const struct written *written, struct hf_key_owner *owner, struct hotfix_error *err)
{
    struct material material = {.size = 0};
    char curve[LABEL_MAX / 2];

    if (written->parameters != V_ASN1_OBJECT)
        return bad("does not name its curve", err);
    if (written->bytes[0] != UNCOMPRESSED) /* there is a first one: the key was read */
        return bad("is a compressed or hybrid point; certify it with the plain one", err);
    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof(curve), NULL) != 1)
        return bad("does not name its curve", err);
    if (!is_known(curve))
        return bad("is on another curve than those of NIST above 192 bits, secp256k1 and brainpool's r1", err);
    put_text(&material, "EC");
    put_text(&material, curve);
    if (!put_number(&material, key, OSSL_PKEY_PARAM_EC_PUB_X))
        return bad("has no point", err);
    return finish(&material, owner, err);
}

static int ed25519(const uint8_t *bytes, struct hf_key_owner *owner, struct hotfix_error *err)
{
    const char *fault = hf_point_fault(bytes);

    if (!fault && hf_point_order_fault(bytes, &fault, err) != 0)
        return -1;
    if (fault)
        return hf_error(err, HOTFIX_SIGNATURE, "the public key of the certificate is %s: no honest key is", fault);
    return hf_key_owner_of_ed25519(bytes, owner, err);
}

int hf_key_owner_of(X509 *certificate, struct hf_key_owner *owner, struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    struct written written;
    X509_ALGOR *algorithm = NULL;

    if (!key ||
        X509_PUBKEY_get0_param(NULL, &written.bytes, &written.size, &algorithm, X509_get_X509_PUBKEY(certificate)) != 1)
        return bad("cannot be read", err);
    X509_ALGOR_get0(NULL, &written.parameters, NULL, algorithm);
    if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS"))
        return rsa(key, &written, owner, err);
    if (EVP_PKEY_is_a(key, "EC"))
        return ec(key, &written, owner, err);
    if (EVP_PKEY_is_a(key, "ED25519") && written.size == ED25519_SIZE)
        return ed25519(written.bytes, owner, err);
    return bad("is neither RSA nor EC nor Ed25519", err);
}

int hf_key_owner_of_ed25519(const uint8_t *bytes, struct hf_key_owner *owner, struct hotfix_error *err)
{
    struct material material = {.size = 0};

    put_text(&material, "ED25519");
    memcpy(material.bytes + material.size, bytes, ED25519_SIZE);
    material.size += ED25519_SIZE;
    material.bytes[material.size - 1] &= (uint8_t)~SIGN_BIT; /* the opposite point's key is this one's */
    return finish(&material, owner, err);
}

bool hf_key_owner_same_ed25519(const uint8_t *one, const uint8_t *other)
{
    uint8_t differences = 0;

    for (size_t i = 0; i < ED25519_SIZE; i++)
        differences |= (uint8_t)((one[i] ^ other[i]) & (i == ED25519_SIZE - 1 ? ~SIGN_BIT : 0xff));
    return differences == 0;
}

bool hf_key_owner_equal(const struct hf_key_owner *a, const struct hf_key_owner *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
