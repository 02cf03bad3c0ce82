/* SPDX-License-Identifier: Apache-2.0 */
#include "authority.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "libcrypto.h"

#define DEPTH_MAX      8
#define SECURITY_LEVEL 2 /* libcrypto's: 112 bits, so neither SHA-1 nor RSA below 2048 bits */

struct hf_authority {
    X509_STORE *store;
    X509 *first; /* which the store owns, too */
    bool revokes;
};

static void cleanup_certificate(X509 **certificate)
{
    X509_free(*certificate);
}

static void cleanup_list(X509_CRL **list)
{
    X509_CRL_free(*list);
}

static void cleanup_context(X509_STORE_CTX **context)
{
    X509_STORE_CTX_free(*context);
}

void hf_certificate_name(const X509 *certificate, char name[HF_CERTIFICATE_NAME_MAX])
{
    HF_BIO BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    size_t length = 0;

    if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0)
        length = (size_t)BIO_get_mem_data(bio, &text);
    if (length >= HF_CERTIFICATE_NAME_MAX)
        length = HF_CERTIFICATE_NAME_MAX - 1;
    if (length)
        memcpy(name, text, length);
    name[length] = '\0';
}

/* After a reader of PEM gave nothing: true at the text's end, false for what is malformed. */
static bool at_end(void)
{
    unsigned long last = ERR_peek_last_error();

    return ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
}

static int add_certificate(struct hf_authority *authority, X509 *certificate, const char *where,
                           struct hotfix_error *err)
{
    char name[HF_CERTIFICATE_NAME_MAX];

    hf_certificate_name(certificate, name);
    if (X509_check_ca(certificate) != 1 || !(X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN))
        return hf_error(err, HOTFIX_TRUST, "%s: the certificate of %s is not one of an authority (basicConstraints CA)",
                        where, name);
    if (X509_STORE_add_cert(authority->store, certificate) != 1)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory for a certificate", where);
    if (!authority->first && X509_up_ref(certificate) == 1)
        authority->first = certificate;
    return 0;
}

static int add_certificates(struct hf_authority *authority, BIO *bio, const char *where, struct hotfix_error *err)
{
    for (size_t count = 0;; count++) {
        __attribute__((cleanup(cleanup_certificate))) X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (!certificate && count > 0 && at_end())
            return 0;
        if (!certificate)
            return hf_error(err, HOTFIX_TRUST, "%s: holds %s", where,
                            count ? "something other than PEM certificates" : "no PEM certificate");
        if (count == HF_AUTHORITY_CERTS_MAX)
            return hf_error(err, HOTFIX_TRUST, "%s: more than %d certificates", where, HF_AUTHORITY_CERTS_MAX);
        if (add_certificate(authority, certificate, where, err) != 0)
            return -1;
    }
}

static int set_rules(X509_STORE *store)
{
    X509_VERIFY_PARAM *rules = X509_STORE_get0_param(store);

    /* libcrypto 3.0 has no purpose for code signing: what that asks for is checked here. */
    X509_VERIFY_PARAM_set_depth(rules, DEPTH_MAX);
    X509_VERIFY_PARAM_set_auth_level(rules, SECURITY_LEVEL);
    return X509_STORE_set_purpose(store, X509_PURPOSE_ANY) == 1 &&
                   X509_STORE_set_flags(store, X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN) == 1
               ? 0
               : -1;
}

int hf_authority_parse(const void *pem, size_t size, const char *where, struct hf_authority **authority,
                       struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    if (size > HF_AUTHORITY_FILE_MAX)
        return hf_error(err, HOTFIX_TRUST, "%s: %zu bytes are too many for certificates", where, size);
    HF_BIO BIO *bio = BIO_new_mem_buf(pem, (int)size);
    struct hf_authority *parsed = calloc(1, sizeof(*parsed));
    if (parsed)
        parsed->store = X509_STORE_new();

    int failed = 0;
    if (!bio || !parsed || !parsed->store || set_rules(parsed->store) != 0)
        failed = hf_error(err, HOTFIX_MEMORY, "%s: out of memory for certificates", where);
    if (!failed)
        failed = add_certificates(parsed, bio, where, err);
    if (failed) {
        hf_authority_destroy(parsed);
        return -1;
    }
    *authority = parsed;
    return 0;
}

int hf_authority_revoke(struct hf_authority *authority, const void *pem, size_t size, const char *where,
                        struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    if (size > HF_AUTHORITY_FILE_MAX)
        return hf_error(err, HOTFIX_TRUST, "%s: %zu bytes are too many for revocation lists", where, size);
    HF_BIO BIO *bio = BIO_new_mem_buf(pem, (int)size);
    if (!bio)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory for revocation lists", where);
    authority->revokes = true;
    for (size_t count = 0;; count++) {
        __attribute__((cleanup(cleanup_list))) X509_CRL *list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
        if (!list && count > 0 && at_end())
            return 0;
        if (!list)
            return hf_error(err, HOTFIX_TRUST, "%s: holds %s", where,
                            count ? "something other than PEM revocation lists" : "no PEM revocation list");
        if (count == HF_AUTHORITY_LISTS_MAX)
            return hf_error(err, HOTFIX_TRUST, "%s: more than %d revocation lists", where, HF_AUTHORITY_LISTS_MAX);
        if (X509_STORE_add_crl(authority->store, list) != 1)
            return hf_error(err, HOTFIX_MEMORY, "%s: out of memory for a revocation list", where);
    }
}

void hf_authority_destroy(struct hf_authority *authority)
{
    if (!authority)
        return;
    X509_STORE_free(authority->store);
    X509_free(authority->first);
    free(authority);
}

int hf_authority_digest(const struct hf_authority *authority, uint8_t digest[HF_DIGEST_SIZE], struct hotfix_error *err)
{
    uint8_t computed[EVP_MAX_MD_SIZE];

    if (X509_digest(authority->first, EVP_sha256(), computed, NULL) != 1)
        return hf_error(err, HOTFIX_INTERNAL, "libcrypto cannot hash a certificate");
    memcpy(digest, computed, HF_DIGEST_SIZE);
    return 0;
}

/* Revocation is looked at now, even for what was signed while its certificate was valid and no longer is. The end of
 * the chain is believed as it stands in the store, and needs nobody's list. */
static int forgive(int valid, X509_STORE_CTX *context)
{
    int error = X509_STORE_CTX_get_error(context);
    int last = sk_X509_num(X509_STORE_CTX_get0_chain(context)) - 1;

    return valid || error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID ||
           (error == X509_V_ERR_UNABLE_TO_GET_CRL && X509_STORE_CTX_get_error_depth(context) == last);
}

static X509_STORE_CTX *context_new(const struct hf_authority *authority, X509 *certificate, STACK_OF(X509) * others,
                                   int64_t when)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();

    if (context && X509_STORE_CTX_init(context, authority->store, certificate, others) != 1) {
        X509_STORE_CTX_free(context);
        return NULL;
    }
    if (context)
        X509_STORE_CTX_set_time(context, 0, (time_t)when);
    return context;
}

static int refuse(const X509_STORE_CTX *context, X509 *certificate, struct hotfix_error *err)
{
    int error = X509_STORE_CTX_get_error(context);
    const X509 *where = X509_STORE_CTX_get_current_cert(context);
    char name[HF_CERTIFICATE_NAME_MAX];

    enum hotfix_code code = error == X509_V_ERR_CERT_HAS_EXPIRED ? HOTFIX_EXPIRED
                            : error == X509_V_ERR_CERT_REVOKED   ? HOTFIX_REVOKED
                                                                 : HOTFIX_SIGNATURE;
    hf_certificate_name(where ? where : certificate, name);
    return hf_error(err, code, "certificate of %s: %s", name, X509_verify_cert_error_string(error));
}

/* The certificate itself must be for code signing; one between it and the authority must not be for other things only.
 */
static int check_usage(X509 *certificate, bool leaf, struct hotfix_error *err)
{
    uint32_t extended = X509_get_extended_key_usage(certificate); /* all bits where it has none */
    bool any = extended == UINT32_MAX;
    char name[HF_CERTIFICATE_NAME_MAX];

    hf_certificate_name(certificate, name);
    if (leaf && X509_check_ca(certificate) != 0)
        return hf_error(err, HOTFIX_SIGNATURE, "certificate of %s: is one of an authority, which must not sign bundles",
                        name);
    if (leaf && !(X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE))
        return hf_error(err, HOTFIX_SIGNATURE, "certificate of %s: is not for signatures (keyUsage digitalSignature)",
                        name);
    if (!(extended & XKU_CODE_SIGN) || (leaf && any))
        return hf_error(err, HOTFIX_SIGNATURE, "certificate of %s: is not for code (extendedKeyUsage codeSigning)",
                        name);
    return 0;
}

int hf_certificate_signs(X509 *certificate, struct hotfix_error *err)
{
    return check_usage(certificate, true, err);
}

static int check_usages(const X509_STORE_CTX *context, struct hotfix_error *err)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);

    for (int i = 0; i < sk_X509_num(chain); i++)
        if (check_usage(sk_X509_value(chain, i), i == 0, err) != 0)
            return -1;
    return 0;
}

int hf_authority_vouch(const struct hf_authority *authority, X509 *certificate, STACK_OF(X509) * others, int64_t at,
                       int64_t now, struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    __attribute__((cleanup(cleanup_context))) X509_STORE_CTX *then = context_new(authority, certificate, others, at);
    __attribute__((cleanup(cleanup_context))) X509_STORE_CTX *today = context_new(authority, certificate, others, now);

    if (!then || !today)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for certificates");
    if (X509_verify_cert(then) != 1)
        return refuse(then, certificate, err);
    if (check_usages(then, err) != 0)
        return -1;
    if (!authority->revokes)
        return 0;
    X509_STORE_CTX_set_flags(today, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    X509_STORE_CTX_set_verify_cb(today, forgive);
    if (X509_verify_cert(today) != 1)
        return refuse(today, certificate, err);
    return 0;
}
