/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/issue.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "libcrypto.h"

#define HOUR        3600
#define SERIAL_BITS 127 /* RFC 5280, section 4.1.2.2: up to 20 bytes and positive */

static void cleanup_certificate(X509 **certificate)
{
    X509_free(*certificate);
}

#define CERTIFICATE __attribute__((cleanup(cleanup_certificate))) X509

struct extension {
    int nid;
    const char *value;
};

/* In the order in which libcrypto needs them: an authority's own key id before the one that refers to it. */
static const struct extension authority_extensions[] = {
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {0},
};
static const struct extension signer_extensions[] = {
    {NID_subject_key_identifier, "hash"},         {NID_authority_key_identifier, "keyid:always"},
    {NID_basic_constraints, "critical,CA:FALSE"}, {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "critical,codeSigning"},  {0},
};

static bool set_serial(X509 *certificate, OSSL_LIB_CTX *library)
{
    BIGNUM *number = BN_new();
    BN_CTX *context = BN_CTX_new_ex(library);
    bool done = number && context &&
                BN_rand_ex(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY, 0, context) == 1 &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;

    BN_CTX_free(context);
    BN_free(number);
    return done;
}

static bool set_subject(X509 *certificate, const char *name)
{
    return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                      (const unsigned char *)name, -1, -1, 0) == 1;
}

static bool extend(X509 *certificate, X509 *issuer, const struct extension *extensions)
{
    X509V3_CTX context;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    for (; extensions->value; extensions++) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, extensions->nid, extensions->value);
        bool added = extension && X509_add_ext(certificate, extension, -1) == 1;
        X509_EXTENSION_free(extension);
        if (!added)
            return false;
    }
    return true;
}

/* issuer NULL: by itself. NULL when libcrypto fails. */
static X509 *make(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, long days,
                  const struct extension *extensions)
{
    OSSL_LIB_CTX *library = hf_libcrypto(NULL);
    const EVP_MD *sha256 = hf_libcrypto_sha256(NULL);
    CERTIFICATE *made = library && sha256 ? X509_new_ex(library, NULL) : NULL;

    if (!made || X509_set_version(made, X509_VERSION_3) != 1 || !set_serial(made, library) || !set_subject(made, name))
        return NULL;
    X509 *by = issuer ? issuer : made;
    if (X509_set_issuer_name(made, X509_get_subject_name(by)) != 1 ||
        !X509_gmtime_adj(X509_getm_notBefore(made), -HOUR) ||
        !X509_time_adj_ex(X509_getm_notAfter(made), (int)days, 0, NULL) || X509_set_pubkey(made, key) != 1 ||
        !extend(made, by, extensions) || X509_sign(made, issuer_key, sha256) <= 0)
        return NULL;
    return hf_move(made);
}

static char *pem_of(X509 *certificate)
{
    HF_BIO BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    if (!bio || PEM_write_bio_X509(bio, certificate) != 1)
        return NULL;
    long size = BIO_get_mem_data(bio, &text);
    return strndup(text, (size_t)size);
}

int hf_issue(const char *name, const struct hf_private_key *authority_key, const struct hf_private_key *signer_key,
             char **authority, char **signer, struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    EVP_PKEY *own = hf_private_key_pkey(authority_key);
    HF_FREE char *title = NULL;
    if (asprintf(&title, "%s authority", name) < 0) {
        title = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory for a certificate");
    }

    CERTIFICATE *root = make(title, own, NULL, own, HF_ISSUE_AUTHORITY_DAYS, authority_extensions);
    CERTIFICATE *leaf =
        root ? make(name, hf_private_key_pkey(signer_key), root, own, HF_ISSUE_SIGNER_DAYS, signer_extensions) : NULL;
    if (!leaf)
        return hf_error(err, HOTFIX_INTERNAL, "libcrypto cannot make a certificate for '%s'", name);
    HF_FREE char *root_pem = pem_of(root);
    HF_FREE char *leaf_pem = pem_of(leaf);
    if (!root_pem || !leaf_pem)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for a certificate");
    *authority = hf_move(root_pem);
    *signer = hf_move(leaf_pem);
    return 0;
}
