/* SPDX-License-Identifier: Apache-2.0 */
#include "cms.h"

#include <openssl/cms.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "libcrypto.h"

#define DIGEST_MIN   32  /* bytes of the hash that is signed */
#define CLOCK_FUTURE 300 /* seconds that the clock of who signed may be ahead */

struct hf_cms {
    CMS_ContentInfo *content;
    X509 *certificate;        /* the signer's; content owns it */
    STACK_OF(X509) * others;  /* all that it holds */
    const ASN1_TYPE *signing; /* the signed attribute, or NULL */
    uint8_t id[HF_KEY_ID_SIZE];
    struct hf_key_owner key;
    struct hf_certificate_mark mark;
    char signer[HF_CERTIFICATE_NAME_MAX];
};

void hf_cms_close(struct hf_cms *cms)
{
    if (!cms)
        return;
    sk_X509_pop_free(cms->others, X509_free);
    CMS_ContentInfo_free(cms->content);
    free(cms);
}

/* The one signer of a detached signature over plain data, or NULL; objects that are not signed have none. */
static CMS_SignerInfo *only_signer(CMS_ContentInfo *content)
{
    if (CMS_is_detached(content) != 1 || OBJ_obj2nid(CMS_get0_eContentType(content)) != NID_pkcs7_data)
        return NULL;
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(content);
    return sk_CMS_SignerInfo_num(signers) == 1 ? sk_CMS_SignerInfo_value(signers, 0) : NULL;
}

/* Whoever has the signature can change the type above, but not this one: what was signed as something else is no
 * bundle. */
static bool signed_as_data(CMS_SignerInfo *signer)
{
    const ASN1_OBJECT *type =
        CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(NID_pkcs9_contentType), -3, V_ASN1_OBJECT);

    return type && OBJ_obj2nid(type) == NID_pkcs7_data;
}

/* By number: a look-up by name would go through the host program's libcrypto context. */
static bool strong_digest(CMS_SignerInfo *signer)
{
    static const int strong[] = {NID_sha256,   NID_sha384,   NID_sha512,  NID_sha512_256,
                                 NID_sha3_256, NID_sha3_384, NID_sha3_512};
    X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *object = NULL;

    CMS_SignerInfo_get0_algs(signer, NULL, NULL, &algorithm, NULL);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    for (size_t i = 0; i < sizeof(strong) / sizeof(strong[0]); i++)
        if (OBJ_obj2nid(object) == strong[i])
            return true;
    return false;
}

static int read_certificate(struct hf_cms *cms, struct hotfix_error *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    const EVP_MD *sha256 = hf_libcrypto_sha256(err);
    const EVP_PKEY *key = X509_get0_pubkey(cms->certificate);

    if (!sha256)
        return -1;
    if (X509_digest(cms->certificate, sha256, digest, NULL) != 1)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for a CMS signature");
    memcpy(cms->id, digest, sizeof(cms->id));
    hf_certificate_name(cms->certificate, cms->signer);
    /* Those sign by themselves: one key must not count once with a certificate and once without. */
    if (key && EVP_PKEY_is_a(key, "ED25519"))
        return hf_error(err, HOTFIX_SIGNATURE,
                        "the CMS signature is by an Ed25519 key, which signs without certificates");
    if (!key || (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "EC")))
        return hf_error(err, HOTFIX_SIGNATURE, "the CMS signature by %s is not by an RSA or EC key", cms->signer);
    if (hf_key_owner_of(cms->certificate, &cms->key, err) != 0 ||
        hf_certificate_mark(cms->certificate, &cms->mark, err) != 0)
        return hf_error_prefix(err, "the CMS signature by %s", cms->signer);
    return 0;
}

static void read_time(struct hf_cms *cms, CMS_SignerInfo *signer)
{
    int at = CMS_signed_get_attr_by_NID(signer, NID_pkcs9_signingTime, -1);
    X509_ATTRIBUTE *attribute = at >= 0 ? CMS_signed_get_attr(signer, at) : NULL;

    /* Where there are two, either could be meant. */
    if (attribute && X509_ATTRIBUTE_count(attribute) == 1 &&
        CMS_signed_get_attr_by_NID(signer, NID_pkcs9_signingTime, at) < 0)
        cms->signing = X509_ATTRIBUTE_get0_type(attribute, 0);
}

static int read_signer(struct hf_cms *cms, struct hotfix_error *err)
{
    CMS_SignerInfo *signer = only_signer(cms->content);

    if (!signer)
        return hf_error(err, HOTFIX_SIGNATURE, "is not a detached CMS signature over plain data by one signer");
    /* Without signed attributes what is signed could be taken for the attributes of another message. */
    if (CMS_signed_get_attr_count(signer) <= 0)
        return hf_error(err, HOTFIX_SIGNATURE, "the CMS signature has no signed attributes");
    if (!signed_as_data(signer))
        return hf_error(err, HOTFIX_SIGNATURE, "the CMS signature's signed content type is not that of plain data");
    if (!strong_digest(signer))
        return hf_error(err, HOTFIX_SIGNATURE, "the CMS signature uses a hash that is not SHA-2 or SHA-3 of %d bits",
                        DIGEST_MIN * 8);
    CMS_set1_signers_certs(cms->content, NULL, 0);
    CMS_SignerInfo_get0_algs(signer, NULL, &cms->certificate, NULL, NULL);
    if (!cms->certificate)
        return hf_error(err, HOTFIX_SIGNATURE, "the certificate of who signed is not in the CMS signature");
    cms->others = CMS_get1_certs(cms->content);
    read_time(cms, signer);
    return read_certificate(cms, err);
}

/* An object for the reader to fill in, so that what is in it belongs to our context. */
static CMS_ContentInfo *read_content(const void *bytes, size_t size, OSSL_LIB_CTX *library)
{
    const unsigned char *at = bytes;
    CMS_ContentInfo *content = CMS_ContentInfo_new_ex(library, NULL);

    if (!content || !d2i_CMS_ContentInfo(&content, &at, (long)size))
        return NULL;
    if (at == (const unsigned char *)bytes + size)
        return content;
    CMS_ContentInfo_free(content);
    return NULL;
}

int hf_cms_parse(const void *bytes, size_t size, struct hf_cms **cms, struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    OSSL_LIB_CTX *library = hf_libcrypto(err);

    if (!library || hf_libcrypto_certificates(err) != 0)
        return -1;
    if (size > HF_CMS_MAX)
        return hf_error(err, HOTFIX_SIGNATURE, "%zu bytes are too many for a CMS signature", size);
    struct hf_cms *opened = calloc(1, sizeof(*opened));
    if (!opened)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for a CMS signature");
    opened->content = read_content(bytes, size, library);
    int failed = 0;
    if (!opened->content)
        failed = hf_error(err, HOTFIX_SIGNATURE, "the CMS signature is malformed");
    if (!failed)
        failed = read_signer(opened, err);
    if (failed) {
        hf_cms_close(opened);
        return -1;
    }
    *cms = opened;
    return 0;
}

int hf_cms_verify(const struct hf_cms *cms, const void *message, size_t size, struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    HF_BIO BIO *memory = BIO_new_mem_buf(message, (int)size);
    /* Of a memory BIO itself CMS_verify() of OpenSSL 3.0 makes another one, which it loses when it fails early. */
    HF_BIO BIO *bio = BIO_new(BIO_f_null());

    if (!memory || !bio)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for a CMS signature");
    BIO_push(bio, memory);
    if (CMS_verify(cms->content, NULL, NULL, bio, NULL, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) != 1)
        return hf_error(err, HOTFIX_SIGNATURE, "the CMS signature does not verify");
    return 0;
}

int hf_cms_open(const void *bytes, size_t size, const void *message, size_t message_size, struct hf_cms **cms,
                struct hotfix_error *err)
{
    struct hf_cms *opened;

    if (hf_cms_parse(bytes, size, &opened, err) != 0)
        return -1;
    if (hf_cms_verify(opened, message, message_size, err) != 0) {
        hf_cms_close(opened);
        return -1;
    }
    *cms = opened;
    return 0;
}

void hf_cms_id(const struct hf_cms *cms, uint8_t id[HF_KEY_ID_SIZE])
{
    memcpy(id, cms->id, HF_KEY_ID_SIZE);
}

const struct hf_key_owner *hf_cms_key(const struct hf_cms *cms)
{
    return &cms->key;
}

const struct hf_certificate_mark *hf_cms_mark(const struct hf_cms *cms)
{
    return &cms->mark;
}

const char *hf_cms_signer(const struct hf_cms *cms)
{
    return cms->signer;
}

static int signing_time(const struct hf_cms *cms, int64_t now, int64_t *when, struct hotfix_error *err)
{
    struct tm parts = {0};
    int type = cms->signing ? ASN1_TYPE_get(cms->signing) : 0;

    if ((type != V_ASN1_UTCTIME && type != V_ASN1_GENERALIZEDTIME) ||
        ASN1_TIME_to_tm(cms->signing->value.asn1_string, &parts) != 1)
        return hf_error(err, HOTFIX_SIGNATURE, "the CMS signature by %s does not say when it was made", cms->signer);
    *when = (int64_t)timegm(&parts);
    if (*when > now + CLOCK_FUTURE)
        return hf_error(err, HOTFIX_SIGNATURE, "the CMS signature by %s says that it was made in the future",
                        cms->signer);
    return 0;
}

int hf_cms_vouched(const struct hf_cms *cms, const struct hf_authority *authority, bool at_signing, int64_t now,
                   struct hf_chain *chain, struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    int64_t at = now;

    if (at_signing && signing_time(cms, now, &at, err) != 0)
        return -1;
    return hf_authority_vouch(authority, cms->certificate, cms->others, at, now, chain, err);
}
