/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/certified.h"

#include <openssl/cms.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "cleanup.h"
#include "cms.h"
#include "error.h"
#include "file.h"
#include "libcrypto.h"

static void cleanup_certificates(STACK_OF(X509) * *certificates)
{
    sk_X509_pop_free(*certificates, X509_free);
}

#define CERTIFICATES __attribute__((cleanup(cleanup_certificates))) STACK_OF(X509)

/* NULL at the end. */
static X509 *read_one(BIO *bio, OSSL_LIB_CTX *library)
{
    X509 *certificate = X509_new_ex(library, NULL);

    if (certificate && PEM_read_bio_X509(bio, &certificate, NULL, NULL))
        return certificate;
    X509_free(certificate);
    return NULL;
}

static int read_certificates(const char *path, STACK_OF(X509) * certificates, struct hotfix_error *err)
{
    HF_FREE uint8_t *pem = NULL;
    OSSL_LIB_CTX *library = hf_libcrypto(err);
    size_t size;
    X509 *certificate;

    if (!library || hf_file_read(path, HF_AUTHORITY_FILE_MAX, &pem, &size, err) != 0)
        return -1;
    HF_BIO BIO *bio = BIO_new_mem_buf(pem, (int)size);
    if (!bio)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory for certificates", path);
    while ((certificate = read_one(bio, library)))
        if (sk_X509_push(certificates, certificate) <= 0) {
            X509_free(certificate);
            return hf_error(err, HOTFIX_MEMORY, "%s: out of memory for certificates", path);
        }
    if (sk_X509_num(certificates) == 0)
        return hf_error(err, HOTFIX_TRUST, "%s: holds no PEM certificate", path);
    return 0;
}

/* The first certificate of the file; nobody could verify with one that is for something else. */
static int check_signer(const char *path, X509 *certificate, struct hotfix_error *err)
{
    if (hf_certificate_signs(certificate, err) == 0)
        return 0;
    hf_error_prefix(err, "%s", path);
    if (err)
        err->code = HOTFIX_TRUST;
    return -1;
}

static int check_key(const char *path, X509 *certificate, EVP_PKEY *key, struct hotfix_error *err)
{
    if (X509_check_private_key(certificate, key) != 1)
        return hf_error(err, HOTFIX_TRUST, "%s: its first certificate is not that of the private key", path);
    if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"))
        return hf_error(err, HOTFIX_TRUST,
                        "%s: libcrypto makes no CMS signatures with Edwards curves; use a certificate for an EC or RSA "
                        "key, or the key without a certificate",
                        path);
    return 0;
}

static int sign(STACK_OF(X509) * certificates, EVP_PKEY *key, const void *message, size_t message_size, uint8_t **cms,
                size_t *size, struct hotfix_error *err)
{
    OSSL_LIB_CTX *library = hf_libcrypto(err);
    const EVP_MD *sha256 = hf_libcrypto_sha256(err);
    if (!library || !sha256)
        return -1;
    HF_BIO BIO *bio = BIO_new_mem_buf(message, (int)message_size);
    CMS_ContentInfo *content =
        CMS_sign_ex(NULL, NULL, certificates, bio, CMS_BINARY | CMS_DETACHED | CMS_PARTIAL, library, NULL);
    unsigned char *der = NULL;
    int length = 0;

    X509 *certificate = sk_X509_value(certificates, 0);
    if (bio && content && CMS_add1_signer(content, certificate, key, sha256, CMS_NOCERTS | CMS_NOSMIMECAP) != NULL &&
        CMS_final(content, bio, NULL, CMS_BINARY | CMS_DETACHED) == 1)
        length = i2d_CMS_ContentInfo(content, &der);
    CMS_ContentInfo_free(content);
    if (length <= 0)
        return hf_error(err, HOTFIX_INTERNAL, "libcrypto cannot make a CMS signature");
    uint8_t *copy = malloc((size_t)length);
    if (copy)
        memcpy(copy, der, (size_t)length);
    OPENSSL_free(der);
    if (!copy)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for a CMS signature");
    *cms = copy;
    *size = (size_t)length;
    return 0;
}

int hf_certified_sign(const char *certificate, const struct hf_private_key *key, const void *message,
                      size_t message_size, uint8_t **cms, size_t *size, uint8_t id[HF_KEY_ID_SIZE],
                      struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    CERTIFICATES *certificates = sk_X509_new_null();
    HF_FREE uint8_t *made = NULL;
    size_t made_size = 0;
    struct hf_cms *opened;

    if (!certificates)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for certificates");
    if (read_certificates(certificate, certificates, err) != 0 ||
        check_key(certificate, sk_X509_value(certificates, 0), hf_private_key_pkey(key), err) != 0 ||
        check_signer(certificate, sk_X509_value(certificates, 0), err) != 0 ||
        sign(certificates, hf_private_key_pkey(key), message, message_size, &made, &made_size, err) != 0)
        return -1;
    /* What is made must be what is read: of a key whose hash is short, or with too many certificates, it is not. */
    if (hf_cms_open(made, made_size, message, message_size, &opened, err) != 0)
        return hf_error_prefix(err, "%s", certificate);
    hf_cms_id(opened, id);
    hf_cms_close(opened);
    *cms = hf_move(made);
    *size = made_size;
    return 0;
}

int hf_certified_id(const char *certificate, uint8_t id[HF_KEY_ID_SIZE], struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    CERTIFICATES *certificates = sk_X509_new_null();
    const EVP_MD *sha256 = hf_libcrypto_sha256(err);
    uint8_t digest[EVP_MAX_MD_SIZE];

    if (!sha256)
        return -1;
    if (!certificates)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for certificates");
    if (read_certificates(certificate, certificates, err) != 0 ||
        check_signer(certificate, sk_X509_value(certificates, 0), err) != 0)
        return -1;
    if (X509_digest(sk_X509_value(certificates, 0), sha256, digest, NULL) != 1)
        return hf_error(err, HOTFIX_INTERNAL, "libcrypto cannot hash a certificate");
    memcpy(id, digest, HF_KEY_ID_SIZE);
    return 0;
}
