/* SPDX-License-Identifier: Apache-2.0 */
#include "authority.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "libcrypto.h"

#define DEPTH_MAX      8
#define SECURITY_LEVEL 2 /* libcrypto's: 112 bits, so neither SHA-1 nor RSA below 2048 bits */

struct hf_authority {
    X509_STORE *store;
    X509 *certificates[HF_AUTHORITY_CERTS_MAX]; /* which the store owns, too, as it does the lists */
    struct hf_key_owner keys[HF_AUTHORITY_CERTS_MAX];
    size_t count;
    X509_CRL *lists[HF_AUTHORITY_LISTS_MAX];
    size_t list_count;
    bool *genuine; /* of each list: its issuer was seen in a chain that leads here, and has signed it */
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

/* After a failure of libcrypto: because memory was short, so that nothing is known? */
static bool out_of_memory(void)
{
    return ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
}

static int add_certificate(struct hf_authority *authority, X509 *certificate, const char *where,
                           struct hotfix_error *err)
{
    char name[HF_CERTIFICATE_NAME_MAX];

    hf_certificate_name(certificate, name);
    if (X509_check_ca(certificate) != 1) /* whose keyUsage, if it has one, allows signing certificates */
        return hf_error(err, HOTFIX_TRUST, "%s: the certificate of %s is not one of an authority (basicConstraints CA)",
                        where, name);
    if (hf_key_owner_of(certificate, &authority->keys[authority->count], err) != 0) {
        if (err && err->code == HOTFIX_SIGNATURE)
            err->code = HOTFIX_TRUST;
        return hf_error_prefix(err, "%s: the certificate of %s", where, name);
    }
    if (X509_STORE_add_cert(authority->store, certificate) != 1 || X509_up_ref(certificate) != 1)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory for a certificate", where);
    authority->certificates[authority->count++] = certificate;
    return 0;
}

/* The next certificate of a PEM text; NULL at its end, or when it is malformed. */
static X509 *read_certificate(BIO *bio, OSSL_LIB_CTX *library)
{
    __attribute__((cleanup(cleanup_certificate))) X509 *certificate = X509_new_ex(library, NULL);

    return certificate && PEM_read_bio_X509(bio, &certificate, NULL, NULL) ? hf_move(certificate) : NULL;
}

static int add_certificates(struct hf_authority *authority, BIO *bio, const char *where, struct hotfix_error *err)
{
    OSSL_LIB_CTX *library = hf_libcrypto(err);

    if (!library)
        return hf_error_prefix(err, "%s", where);
    for (size_t count = 0;; count++) {
        __attribute__((cleanup(cleanup_certificate))) X509 *certificate = read_certificate(bio, library);
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
    if (hf_libcrypto_certificates(err) != 0)
        return hf_error_prefix(err, "%s", where);
    HF_BIO BIO *bio = BIO_new_mem_buf(pem, (int)size);
    struct hf_authority *parsed = calloc(1, sizeof(*parsed));
    if (parsed) {
        parsed->store = X509_STORE_new();
        parsed->genuine = calloc(HF_AUTHORITY_LISTS_MAX, sizeof(*parsed->genuine));
    }

    int failed = 0;
    if (!bio || !parsed || !parsed->store || !parsed->genuine || set_rules(parsed->store) != 0)
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

static X509_CRL *read_list(BIO *bio, OSSL_LIB_CTX *library)
{
    __attribute__((cleanup(cleanup_list))) X509_CRL *list = X509_CRL_new_ex(library, NULL);

    return list && PEM_read_bio_X509_CRL(bio, &list, NULL, NULL) ? hf_move(list) : NULL;
}

int hf_authority_revoke(struct hf_authority *authority, const void *pem, size_t size, const char *where,
                        struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    if (size > HF_AUTHORITY_FILE_MAX)
        return hf_error(err, HOTFIX_TRUST, "%s: %zu bytes are too many for revocation lists", where, size);
    OSSL_LIB_CTX *library = hf_libcrypto(err);
    if (!library)
        return hf_error_prefix(err, "%s", where);
    HF_BIO BIO *bio = BIO_new_mem_buf(pem, (int)size);
    if (!bio)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory for revocation lists", where);
    authority->revokes = true;
    for (size_t count = 0;; count++) {
        __attribute__((cleanup(cleanup_list))) X509_CRL *list = read_list(bio, library);
        if (!list && count > 0 && at_end())
            return 0;
        if (!list)
            return hf_error(err, HOTFIX_TRUST, "%s: holds %s", where,
                            count ? "something other than PEM revocation lists" : "no PEM revocation list");
        if (X509_CRL_get_ext_by_NID(list, NID_delta_crl, -1) >= 0)
            return hf_error(err, HOTFIX_TRUST,
                            "%s: holds a delta list, which names only what was revoked since another one; put a whole "
                            "list there",
                            where);
        if (authority->list_count == HF_AUTHORITY_LISTS_MAX)
            return hf_error(err, HOTFIX_TRUST, "%s: more than %d revocation lists", where, HF_AUTHORITY_LISTS_MAX);
        if (X509_STORE_add_crl(authority->store, list) != 1 || X509_CRL_up_ref(list) != 1)
            return hf_error(err, HOTFIX_MEMORY, "%s: out of memory for a revocation list", where);
        authority->lists[authority->list_count++] = list;
    }
}

void hf_authority_destroy(struct hf_authority *authority)
{
    if (!authority)
        return;
    X509_STORE_free(authority->store);
    for (size_t i = 0; i < authority->count; i++)
        X509_free(authority->certificates[i]);
    for (size_t i = 0; i < authority->list_count; i++)
        X509_CRL_free(authority->lists[i]);
    free(authority->genuine);
    free(authority);
}

int hf_authority_digest(const struct hf_authority *authority, uint8_t digest[HF_DIGEST_SIZE], struct hotfix_error *err)
{
    uint8_t computed[EVP_MAX_MD_SIZE];
    const EVP_MD *sha256 = hf_libcrypto_sha256(err);

    if (!sha256)
        return -1;
    if (X509_digest(authority->certificates[0], sha256, computed, NULL) != 1)
        return hf_error(err, HOTFIX_INTERNAL, "libcrypto cannot hash a certificate");
    memcpy(digest, computed, HF_DIGEST_SIZE);
    return 0;
}

/* Whether libcrypto might take the one for the issuer of the other when it builds a chain; true, too, when it cannot
 * say.
 */
static bool issued(X509 *issuer, X509 *certificate)
{
    static const int others[] = {X509_V_ERR_SUBJECT_ISSUER_MISMATCH, X509_V_ERR_AKID_SKID_MISMATCH,
                                 X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH, X509_V_ERR_KEYUSAGE_NO_CERTSIGN};
    int answer = X509_check_issued(issuer, certificate);

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (answer == others[i])
            return false;
    return true;
}

static int refuse_overlap(X509 *one, X509 *other, const char *how, struct hotfix_error *err)
{
    char name[HF_CERTIFICATE_NAME_MAX], other_name[HF_CERTIFICATE_NAME_MAX];

    hf_certificate_name(one, name);
    hf_certificate_name(other, other_name);
    return hf_error(err, HOTFIX_TRUST, "%s %s %s; put them into one file, or take one of the two out", name, how,
                    other_name);
}

int hf_authority_apart(const struct hf_authority *one, const struct hf_authority *other, struct hotfix_error *err)
{
    HF_KEEP_ERRORS;

    for (size_t i = 0; i < one->count; i++)
        for (size_t k = 0; k < other->count; k++) {
            if (hf_key_owner_equal(&one->keys[i], &other->keys[k]))
                return refuse_overlap(one->certificates[i], other->certificates[k], "has the key of", err);
            if (issued(one->certificates[i], other->certificates[k]))
                return refuse_overlap(one->certificates[i], other->certificates[k], "has issued the certificate of",
                                      err);
            if (issued(other->certificates[k], one->certificates[i]))
                return refuse_overlap(other->certificates[k], one->certificates[i], "has issued the certificate of",
                                      err);
        }
    return 0;
}

bool hf_authority_holds(const struct hf_authority *authority, const struct hf_key_owner *key)
{
    for (size_t i = 0; i < authority->count; i++)
        if (hf_key_owner_equal(&authority->keys[i], key))
            return true;
    return false;
}

int hf_certificate_mark(X509 *certificate, struct hf_certificate_mark *mark, struct hotfix_error *err)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    const EVP_MD *sha256 = hf_libcrypto_sha256(err);
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (!sha256)
        return -1;
    int size = ASN1_STRING_length(serial);
    if (size < 1 || size > HF_CERTIFICATE_SERIAL || ASN1_STRING_type(serial) != V_ASN1_INTEGER)
        return hf_error(err, HOTFIX_SIGNATURE, "the certificate's serial number is not a positive one of %d bytes",
                        HF_CERTIFICATE_SERIAL);
    if (X509_NAME_digest(X509_get_issuer_name(certificate), sha256, digest, NULL) != 1)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for a certificate");
    *mark = (struct hf_certificate_mark){.serial_size = (size_t)size};
    memcpy(mark->issuer, digest, sizeof(mark->issuer));
    memcpy(mark->serial, ASN1_STRING_get0_data(serial), (size_t)size);
    return 0;
}

static bool is_list_of(X509 *issuer, X509_CRL *list)
{
    HF_PKEY EVP_PKEY *key = X509_get_pubkey(issuer);

    return key && X509_NAME_cmp(X509_get_subject_name(issuer), X509_CRL_get_issuer(list)) == 0 &&
           X509_CRL_verify(list, key) == 1;
}

/* A list says nothing that neither the authority's certificates signed nor one between it and a signer. */
static bool list_counts(const struct hf_authority *authority, size_t which)
{
    for (size_t i = 0; i < authority->count; i++)
        if (is_list_of(authority->certificates[i], authority->lists[which]))
            return true;
    return authority->genuine[which];
}

/* Those between stand in the bundle alone: when a chain was found good, their lists are known to be theirs. */
static void note_lists(const struct hf_authority *authority, const struct hf_chain *chain)
{
    for (size_t i = 0; i < authority->list_count; i++)
        for (size_t k = 1; k < chain->count && !authority->genuine[i]; k++)
            authority->genuine[i] = is_list_of(chain->certificates[k], authority->lists[i]);
}

/* A certificate that was replaced or is not needed any more was in the right hands. Without a reason nobody knows. */
static bool revoked_in_good_faith(const X509_REVOKED *entry)
{
    int present;
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, &present, NULL);
    long code = reason ? ASN1_ENUMERATED_get(reason) : -1;

    ASN1_ENUMERATED_free(reason);
    return code == CRL_REASON_SUPERSEDED || code == CRL_REASON_CESSATION_OF_OPERATION ||
           code == CRL_REASON_AFFILIATION_CHANGED || (!reason && present >= 0); /* it is there: memory is out */
}

static bool list_doubts(X509_CRL *list, const struct hf_certificate_mark *mark, ASN1_INTEGER *serial,
                        const EVP_MD *sha256)
{
    unsigned char issuer[EVP_MAX_MD_SIZE];
    X509_REVOKED *entry;

    return X509_NAME_digest(X509_CRL_get_issuer(list), sha256, issuer, NULL) == 1 &&
           memcmp(issuer, mark->issuer, sizeof(mark->issuer)) == 0 &&
           X509_CRL_get0_by_serial(list, &entry, serial) == 1 && !revoked_in_good_faith(entry);
}

bool hf_authority_doubts(const struct hf_authority *authority, const struct hf_certificate_mark *mark)
{
    HF_KEEP_ERRORS;
    const EVP_MD *sha256 = hf_libcrypto_sha256(NULL);
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    bool doubted = false;

    if (sha256 && serial && ASN1_STRING_set(serial, mark->serial, (int)mark->serial_size) == 1)
        for (size_t i = 0; i < authority->list_count && !doubted; i++)
            doubted = list_doubts(authority->lists[i], mark, serial, sha256) && list_counts(authority, i);
    ASN1_INTEGER_free(serial);
    return doubted;
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

/* To find what a list names that is out of date. */
static int forgive_stale(int valid, X509_STORE_CTX *context)
{
    return forgive(valid, context) || X509_STORE_CTX_get_error(context) == X509_V_ERR_CRL_HAS_EXPIRED;
}

static X509_STORE_CTX *context_new(const struct hf_authority *authority, X509 *certificate, STACK_OF(X509) * others,
                                   int64_t when)
{
    OSSL_LIB_CTX *library = hf_libcrypto(NULL);
    X509_STORE_CTX *context = library ? X509_STORE_CTX_new_ex(library, NULL) : NULL;

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

    enum hotfix_code code = error == X509_V_ERR_CERT_HAS_EXPIRED                ? HOTFIX_EXPIRED
                            : error == X509_V_ERR_CERT_REVOKED                  ? HOTFIX_REVOKED
                            : error == X509_V_ERR_OUT_OF_MEM || out_of_memory() ? HOTFIX_MEMORY
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

void hf_chain_deinit(struct hf_chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        X509_free(chain->certificates[i]);
    chain->count = 0;
}

static int read_chain(const X509_STORE_CTX *context, struct hf_chain *chain, struct hotfix_error *err)
{
    STACK_OF(X509) *certificates = X509_STORE_CTX_get0_chain(context);
    char name[HF_CERTIFICATE_NAME_MAX];

    for (int i = 0; i < sk_X509_num(certificates); i++) {
        X509 *certificate = sk_X509_value(certificates, i);
        hf_certificate_name(certificate, name);
        if (chain->count == HF_CHAIN_MAX || X509_up_ref(certificate) != 1)
            return hf_error(err, HOTFIX_SIGNATURE, "certificate of %s: its chain is too long", name);
        chain->certificates[chain->count] = certificate;
        if (hf_key_owner_of(certificate, &chain->keys[chain->count++], err) != 0)
            return hf_error_prefix(err, "certificate of %s", name);
    }
    return 0;
}

static bool list_revokes(X509_CRL *list, X509 *certificate, X509 *issuer)
{
    X509_REVOKED *entry;

    if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_issuer_name(certificate)) != 0 ||
        X509_CRL_get0_by_serial(list, &entry, X509_get_serialNumber(certificate)) != 1)
        return false;
    HF_PKEY EVP_PKEY *key = X509_get_pubkey(issuer);
    /* It names the certificate: what cannot be told now is for its being genuine. */
    return !key || X509_CRL_verify(list, key) == 1 || out_of_memory();
}

bool hf_authority_revokes(const struct hf_authority *authority, const struct hf_chain *chain)
{
    HF_KEEP_ERRORS;

    for (size_t i = 0; i < authority->list_count; i++)
        for (size_t k = 0; k + 1 < chain->count; k++)
            if (list_revokes(authority->lists[i], chain->certificates[k], chain->certificates[k + 1]))
                return true;
    return false;
}

static int check_lists(const struct hf_authority *authority, X509 *certificate, STACK_OF(X509) * others, int64_t now,
                       X509_STORE_CTX_verify_cb callback, struct hotfix_error *err)
{
    __attribute__((cleanup(cleanup_context))) X509_STORE_CTX *today = context_new(authority, certificate, others, now);

    if (!today)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for certificates");
    X509_STORE_CTX_set_flags(today, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    X509_STORE_CTX_set_verify_cb(today, callback);
    return X509_verify_cert(today) == 1 ? 0 : refuse(today, certificate, err);
}

/* A list that is out of date may still name the certificate, which says more than that it is out of date. */
static int check_revoked(const struct hf_authority *authority, X509 *certificate, STACK_OF(X509) * others, int64_t now,
                         struct hotfix_error *err)
{
    struct hotfix_error named;

    if (check_lists(authority, certificate, others, now, forgive, err) == 0)
        return 0;
    if (check_lists(authority, certificate, others, now, forgive_stale, &named) != 0 && err &&
        named.code == HOTFIX_REVOKED)
        *err = named;
    return -1;
}

static int vouch(const struct hf_authority *authority, X509 *certificate, STACK_OF(X509) * others, int64_t at,
                 int64_t now, struct hf_chain *chain, struct hotfix_error *err)
{
    __attribute__((cleanup(cleanup_context))) X509_STORE_CTX *then = context_new(authority, certificate, others, at);

    if (!then)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for certificates");
    if (X509_verify_cert(then) != 1)
        return refuse(then, certificate, err);
    if (check_usages(then, err) != 0 || read_chain(then, chain, err) != 0)
        return -1;
    if (authority->revokes && check_revoked(authority, certificate, others, now, err) != 0)
        return -1;
    note_lists(authority, chain);
    return 0;
}

int hf_authority_vouch(const struct hf_authority *authority, X509 *certificate, STACK_OF(X509) * others, int64_t at,
                       int64_t now, struct hf_chain *chain, struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    struct hf_chain made = {.count = 0};

    if (hf_libcrypto_certificates(err) != 0)
        return -1;
    int result = vouch(authority, certificate, others, at, now, &made, err);
    if (result == 0 && chain)
        *chain = made;
    else
        hf_chain_deinit(&made);
    return result;
}
