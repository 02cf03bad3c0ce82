/* SPDX-License-Identifier: Apache-2.0 */
#include "cms.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>

#include "certificate_fixture.h"

static const char message[] = "hotfix bundle 1\nsize 4711\n";
static struct fixture_identity root, middle, signer, through;
static struct hf_authority *authority;
static int64_t now;

/* The authority of one certificate. */
static struct hf_authority *authority_of(const struct fixture_identity *identity)
{
    struct hf_authority *made;
    char *pem = fixture_certificate_pem(identity->certificate);

    assert_done(hf_authority_parse(pem, strlen(pem), "x.ca.pem", &made, ERR));
    free(pem);
    return made;
}

static int make_identities(void **state)
{
    const struct fixture_wish ca = {.authority = true}, code = {0};

    (void)state;
    now = (int64_t)time(NULL);
    root = fixture_identity("root", NULL, ca);
    middle = fixture_identity("middle", &root, ca);
    signer = fixture_identity("signer", &root, code);
    through = fixture_identity("through", &middle, code);
    authority = authority_of(&root);
    return 0;
}

static int drop_identities(void **state)
{
    (void)state;
    fixture_identity_drop(&root);
    fixture_identity_drop(&middle);
    fixture_identity_drop(&signer);
    fixture_identity_drop(&through);
    hf_authority_destroy(authority);
    hf_authority_destroy(NULL);
    hf_cms_close(NULL);
    return 0;
}

/* The signature verifies; what the authority says of the certificate. */
static int vouched(const struct fixture_identity *by, X509 *more, const struct hf_authority *of, bool at_signing,
                   int64_t when, struct hotfix_error *err)
{
    struct hf_cms *cms;
    size_t size;
    uint8_t *der = fixture_cms(by, more, message, sizeof(message), CMS_DETACHED, &size);

    if (hf_cms_open(der, size, message, sizeof(message), &cms, err) != 0)
        fail_msg("%s", err->message);
    int result = hf_cms_vouched(cms, of, at_signing, when, NULL, err);
    hf_cms_close(cms);
    free(der);
    return result;
}

/* A certificate like this, issued by the root, is refused. */
static void refuse_wish(struct fixture_wish wish, enum hotfix_code code, const char *reason)
{
    struct fixture_identity made = fixture_identity("someone", &root, wish);

    assert_refused(vouched(&made, NULL, authority, false, now, ERR), code, reason);
    assert_non_null(strstr(ERR->message, "CN=someone"));
    fixture_identity_drop(&made);
}

static void certificates_that_are_not_valid_are_refused(void **state)
{
    (void)state;
    refuse_wish((struct fixture_wish){.from = -2 * HOUR, .to = -HOUR}, HOTFIX_EXPIRED, "certificate has expired");
    refuse_wish((struct fixture_wish){.from = HOUR, .to = 2 * HOUR}, HOTFIX_SIGNATURE, "certificate is not yet valid");
    assert_refused(vouched(&signer, NULL, authority, false, now + 2 * HOUR, ERR), HOTFIX_EXPIRED, "has expired");
    assert_refused(vouched(&signer, NULL, authority, false, now - 2 * HOUR, ERR), HOTFIX_SIGNATURE, "not yet valid");
}

static void certificates_for_other_things_are_refused(void **state)
{
    (void)state;
    refuse_wish((struct fixture_wish){.extended_usage = "serverAuth,emailProtection"}, HOTFIX_SIGNATURE, "codeSigning");
    refuse_wish((struct fixture_wish){.extended_usage = "anyExtendedKeyUsage"}, HOTFIX_SIGNATURE, "codeSigning");
    refuse_wish((struct fixture_wish){.extended_usage = ""}, HOTFIX_SIGNATURE, "codeSigning");
    refuse_wish((struct fixture_wish){.usage = "critical,keyEncipherment"}, HOTFIX_SIGNATURE, "digitalSignature");
    refuse_wish((struct fixture_wish){.authority = true, .extended_usage = "codeSigning"}, HOTFIX_SIGNATURE,
                "must not sign bundles");
    refuse_wish((struct fixture_wish){.key_type = "RSA1024"}, HOTFIX_SIGNATURE, "key too weak");
}

static void certificates_of_others_are_refused(void **state)
{
    struct fixture_identity self = fixture_identity("self", NULL, (struct fixture_wish){0});
    struct fixture_identity other = fixture_identity("root", NULL, (struct fixture_wish){.authority = true});
    struct fixture_identity theirs = fixture_identity("signer", &other, (struct fixture_wish){0});
    struct fixture_identity beyond = fixture_identity("beyond", &signer, (struct fixture_wish){0});

    (void)state;
    assert_refused(vouched(&self, NULL, authority, false, now, ERR), HOTFIX_SIGNATURE, "self-signed certificate");
    assert_refused(vouched(&theirs, NULL, authority, false, now, ERR), HOTFIX_SIGNATURE, "certificate");
    assert_refused(vouched(&theirs, other.certificate, authority, false, now, ERR), HOTFIX_SIGNATURE, "certificate");
    assert_refused(vouched(&through, NULL, authority, false, now, ERR), HOTFIX_SIGNATURE, "issuer certificate");
    /* Who may sign code may not make others who do. */
    assert_refused(vouched(&beyond, signer.certificate, authority, false, now, ERR), HOTFIX_SIGNATURE,
                   "certificate of CN=signer");
    fixture_identity_drop(&self);
    fixture_identity_drop(&other);
    fixture_identity_drop(&theirs);
    fixture_identity_drop(&beyond);
}

static void a_chain_leads_to_the_authority_or_to_any_part_of_it_that_is_trusted(void **state)
{
    struct hf_authority *part = authority_of(&middle);

    (void)state;
    assert_done(vouched(&signer, NULL, authority, false, now, ERR));
    assert_done(vouched(&through, middle.certificate, authority, false, now, ERR));
    assert_done(vouched(&through, NULL, part, false, now, ERR));
    assert_refused(vouched(&signer, NULL, part, false, now, ERR), HOTFIX_SIGNATURE, "certificate");
    hf_authority_destroy(part);
}

static void authorities_in_between_must_be_for_code_too(void **state)
{
    struct fixture_wish web = {.authority = true, .extended_usage = "serverAuth"};
    struct fixture_identity between = fixture_identity("web", &root, web);
    struct fixture_identity leaf = fixture_identity("leaf", &between, (struct fixture_wish){0});

    (void)state;
    assert_refused(vouched(&leaf, between.certificate, authority, false, now, ERR), HOTFIX_SIGNATURE,
                   "certificate of CN=web: is not for code");
    fixture_identity_drop(&between);
    fixture_identity_drop(&leaf);
}

/* Adds a list to an authority of its own, and asks it about a signer. */
static int vouched_with(const char *list, const struct fixture_identity *by, X509 *more, bool at_signing, int64_t when,
                        struct hotfix_error *err)
{
    struct hf_authority *listed = authority_of(&root);

    if (hf_authority_revoke(listed, list, strlen(list), "x.crl.pem", err) != 0)
        fail_msg("%s", err->message);
    int result = vouched(by, more, listed, at_signing, when, err);
    hf_authority_destroy(listed);
    return result;
}

static void revoked_certificates_are_refused_whenever_they_were_used(void **state)
{
    char *none = fixture_list_pem(&root, NULL, 3 * HOUR), *one = fixture_list_pem(&root, signer.certificate, 3 * HOUR);

    (void)state;
    assert_done(vouched_with(none, &signer, NULL, false, now, ERR));
    assert_done(vouched_with(none, &signer, NULL, true, now + 2 * HOUR, ERR));
    assert_refused(vouched_with(one, &signer, NULL, false, now, ERR), HOTFIX_REVOKED, "certificate revoked");
    assert_refused(vouched_with(one, &signer, NULL, true, now, ERR), HOTFIX_REVOKED, "certificate revoked");
    assert_refused(vouched_with(one, &signer, NULL, true, now + 2 * HOUR, ERR), HOTFIX_REVOKED, "revoked");
    free(none);
    free(one);
}

static void a_list_that_is_out_of_date_missing_or_of_others_is_refused(void **state)
{
    struct fixture_identity other = fixture_identity("root", NULL, (struct fixture_wish){.authority = true});
    char *late = fixture_list_pem(&root, NULL, -60), *good = fixture_list_pem(&root, NULL, HOUR);
    char *forged = fixture_list_pem(&other, NULL, HOUR);

    (void)state;
    assert_refused(vouched_with(late, &signer, NULL, false, now, ERR), HOTFIX_SIGNATURE, "CRL has expired");
    assert_refused(vouched_with(late, &signer, NULL, true, now, ERR), HOTFIX_SIGNATURE, "CRL has expired");
    assert_refused(vouched_with(forged, &signer, NULL, false, now, ERR), HOTFIX_SIGNATURE, "CRL");
    assert_refused(vouched_with(good, &through, middle.certificate, false, now, ERR), HOTFIX_SIGNATURE,
                   "unable to get certificate CRL");
    char *own = fixture_list_pem(&middle, through.certificate, HOUR), *both = NULL;
    assert_true(asprintf(&both, "%s%s", good, own) > 0);
    assert_refused(vouched_with(both, &through, middle.certificate, false, now, ERR), HOTFIX_REVOKED, "revoked");
    free(both);
    free(own);
    own = fixture_list_pem(&middle, NULL, HOUR);
    assert_true(asprintf(&both, "%s%s", good, own) > 0);
    assert_done(vouched_with(both, &through, middle.certificate, false, now, ERR));
    free(both);
    free(own);
    free(late);
    free(good);
    free(forged);
    fixture_identity_drop(&other);
}

/* Where the policy says so, what counts is when it was signed: by the signer's own word, but never in the future. */
static void validity_can_be_asked_for_at_the_time_of_signing(void **state)
{
    struct fixture_identity early =
        fixture_identity("early", &root, (struct fixture_wish){.from = -2 * HOUR, .to = -9});

    (void)state;
    assert_refused(vouched(&signer, NULL, authority, false, now + 2 * HOUR, ERR), HOTFIX_EXPIRED, "has expired");
    assert_done(vouched(&signer, NULL, authority, true, now + 2 * HOUR, ERR));
    assert_refused(vouched(&signer, NULL, authority, true, now - HOUR / 2, ERR), HOTFIX_SIGNATURE, "in the future");
    assert_refused(vouched(&early, NULL, authority, true, now, ERR), HOTFIX_EXPIRED, "has expired");
    fixture_identity_drop(&early);
}

static void refuse_der(const uint8_t *der, size_t size, const char *reason)
{
    struct hf_cms *cms = NULL;

    assert_refused(hf_cms_open(der, size, message, sizeof(message), &cms, ERR), HOTFIX_SIGNATURE, reason);
    assert_null(cms);
}

static void a_signature_over_another_message_is_refused(void **state)
{
    struct hf_cms *cms = NULL;
    size_t size;
    uint8_t *der = fixture_cms(&signer, NULL, message, sizeof(message), CMS_DETACHED, &size);
    char other[sizeof(message)];

    (void)state;
    memcpy(other, message, sizeof(other));
    other[20] ^= 1;
    assert_refused(hf_cms_open(der, size, other, sizeof(other), &cms, ERR), HOTFIX_SIGNATURE, "does not verify");
    assert_refused(hf_cms_open(der, size, message, sizeof(message) - 1, &cms, ERR), HOTFIX_SIGNATURE,
                   "does not verify");
    assert_null(cms);
    free(der);
}

static void messages_of_another_form_are_refused(void **state)
{
    size_t size;
    uint8_t *der;

    (void)state;
    der = fixture_cms(&signer, NULL, message, sizeof(message), 0, &size);
    refuse_der(der, size, "is not a detached CMS signature");
    free(der);
    BIO *bio = BIO_new_mem_buf(message, sizeof(message));
    der = fixture_cms_der(CMS_digest_create(bio, EVP_sha256(), CMS_BINARY | CMS_DETACHED), &size);
    refuse_der(der, size, "is not a detached CMS signature");
    free(der);
    BIO_free(bio);
    der = fixture_cms(&signer, NULL, message, sizeof(message), CMS_DETACHED | CMS_NOCERTS, &size);
    refuse_der(der, size, "the certificate of who signed is not in");
    free(der);
    der = fixture_cms(&signer, NULL, message, sizeof(message), CMS_DETACHED | CMS_NOATTR, &size);
    refuse_der(der, size, "no signed attributes");
    free(der);
    refuse_der((const uint8_t *)message, sizeof(message), "is malformed");
    refuse_der((const uint8_t *)"", 0, "is malformed");
    der = calloc(1, HF_CMS_MAX + 1);
    refuse_der(der, HF_CMS_MAX + 1, "too many");
    free(der);
}

/* Signed by two, by none, and with a hash that is too short. */
static uint8_t *made_by_hand(int signers, const EVP_MD *digest, size_t *size)
{
    BIO *bio = BIO_new_mem_buf(message, sizeof(message));
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, bio, CMS_BINARY | CMS_DETACHED | CMS_PARTIAL);

    assert_non_null(cms);
    for (int i = 0; i < signers; i++)
        assert_non_null(CMS_add1_signer(cms, i ? through.certificate : signer.certificate, i ? through.key : signer.key,
                                        digest, 0));
    if (signers)
        assert_int_equal(CMS_final(cms, bio, NULL, CMS_BINARY | CMS_DETACHED), 1);
    BIO_free(bio);
    return fixture_cms_der(cms, size);
}

static void more_or_less_than_one_signer_and_short_hashes_are_refused(void **state)
{
    size_t size;
    uint8_t *der = made_by_hand(0, EVP_sha256(), &size);

    (void)state;
    refuse_der(der, size, "by one signer");
    free(der);
    der = made_by_hand(2, EVP_sha256(), &size);
    refuse_der(der, size, "by one signer");
    free(der);
    der = made_by_hand(1, EVP_sha1(), &size);
    refuse_der(der, size, "not SHA-2 or SHA-3 of 256 bits");
    free(der);
}

/* The signer's certificate again, with this serial number. */
static uint8_t *numbered(const char *serial, size_t *size)
{
    struct fixture_identity again = {.key = signer.key, .certificate = X509_dup(signer.certificate)};
    BIGNUM *number = NULL;

    assert_true(BN_hex2bn(&number, serial) > 0);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(again.certificate));
    assert_true(X509_sign(again.certificate, root.key, EVP_sha256()) > 0);
    uint8_t *der = fixture_cms(&again, NULL, message, sizeof(message), CMS_DETACHED, size);
    BN_free(number);
    X509_free(again.certificate);
    return der;
}

/* By its serial number a certificate is remembered, and revoked. */
static void serial_numbers_that_rfc_5280_does_not_know_are_refused(void **state)
{
    static const char *const wrong[] = {"-1", "-7F00000000", "010000000000000000000000000000000000000000"};
    struct hf_cms *cms;
    size_t size;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        uint8_t *der = numbered(wrong[i], &size);
        refuse_der(der, size, "serial number is not a positive one of 20 bytes");
        free(der);
    }
    uint8_t *der = numbered("7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", &size);
    assert_done(hf_cms_open(der, size, message, sizeof(message), &cms, ERR));
    hf_cms_close(cms);
    free(der);
}

static void a_key_that_is_written_in_another_way_signs_nothing(void **state)
{
    struct fixture_identity again = {.key = EVP_PKEY_dup(signer.key), .certificate = X509_dup(signer.certificate)};
    size_t size;

    (void)state;
    EVP_PKEY_set_utf8_string_param(again.key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed");
    X509_set_pubkey(again.certificate, again.key);
    assert_true(X509_sign(again.certificate, root.key, EVP_sha256()) > 0);
    uint8_t *der = fixture_cms(&again, NULL, message, sizeof(message), CMS_DETACHED, &size);
    refuse_der(der, size, "the CMS signature by CN=signer: ");
    free(der);
    fixture_identity_drop(&again);
}

/* A signature over content of this type. What a function adds to the signed attributes comes too late to verify. */
typedef void add_fn(CMS_SignerInfo *signer);

static uint8_t *signed_as(int type, add_fn *add, size_t *size)
{
    const unsigned flags = CMS_BINARY | CMS_DETACHED;
    BIO *bio = BIO_new_mem_buf(message, sizeof(message));
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, bio, flags | CMS_PARTIAL);

    assert_int_equal(CMS_set1_eContentType(cms, OBJ_nid2obj(type)), 1);
    CMS_SignerInfo *one = CMS_add1_signer(cms, signer.certificate, signer.key, EVP_sha256(), flags | CMS_PARTIAL);
    assert_int_equal(CMS_final(cms, bio, NULL, flags), 1);
    if (add)
        add(one);
    BIO_free(bio);
    return fixture_cms_der(cms, size);
}

static void what_was_signed_as_something_else_is_refused(void **state)
{
    static const uint8_t type[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
    size_t size;
    uint8_t *der = signed_as(NID_pkcs7_signed, NULL, &size);

    (void)state;
    refuse_der(der, size, "is not a detached CMS signature over plain data");
    /* The type of the content is not signed: the second of three, behind that of the whole. */
    uint8_t *whole = memmem(der, size, type, sizeof(type));
    assert_non_null(whole);
    uint8_t *content = memmem(whole + 1, size - (size_t)(whole + 1 - der), type, sizeof(type));
    assert_non_null(content);
    content[sizeof(type) - 1] = 1;
    refuse_der(der, size, "signed content type is not that of plain data");
    free(der);
}

static void add_time(CMS_SignerInfo *one)
{
    ASN1_TIME *time = X509_gmtime_adj(NULL, -60);

    assert_int_equal(CMS_signed_add1_attr_by_NID(one, NID_pkcs9_signingTime, time->type, time, -1), 1);
    ASN1_TIME_free(time);
}

static void remove_time(CMS_SignerInfo *one)
{
    int at = CMS_signed_get_attr_by_NID(one, NID_pkcs9_signingTime, -1);

    assert_true(at >= 0);
    X509_ATTRIBUTE_free(CMS_signed_delete_attr(one, at));
}

static void give_two_values(CMS_SignerInfo *one)
{
    X509_ATTRIBUTE *attribute = X509_ATTRIBUTE_new();
    ASN1_TIME *time = X509_gmtime_adj(NULL, -60);

    remove_time(one);
    X509_ATTRIBUTE_set1_object(attribute, OBJ_nid2obj(NID_pkcs9_signingTime));
    for (int i = 0; i < 2; i++)
        assert_int_equal(X509_ATTRIBUTE_set1_data(attribute, time->type, time->data, time->length), 1);
    assert_int_equal(CMS_signed_add1_attr(one, attribute), 1);
    X509_ATTRIBUTE_free(attribute);
    ASN1_TIME_free(time);
}

static void give_text(CMS_SignerInfo *one)
{
    remove_time(one);
    assert_int_equal(
        CMS_signed_add1_attr_by_NID(one, NID_pkcs9_signingTime, V_ASN1_PRINTABLESTRING, "991231235959Z", 13), 1);
}

/* As RFC 5652 has it from the year 2050 on. */
static void give_long_form(CMS_SignerInfo *one)
{
    ASN1_GENERALIZEDTIME *time = ASN1_GENERALIZEDTIME_adj(NULL, (time_t)now, 0, -60);

    remove_time(one);
    assert_int_equal(CMS_signed_add1_attr_by_NID(one, NID_pkcs9_signingTime, time->type, time, -1), 1);
    ASN1_GENERALIZEDTIME_free(time);
}

/* Each could be meant, or none. libcrypto may refuse some of these later, when it verifies. */
static void of_two_signing_times_none_counts(void **state)
{
    static add_fn *const ways[] = {NULL, give_long_form, remove_time, add_time, give_two_values, give_text};
    struct hf_cms *cms;
    size_t size;

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        uint8_t *der = signed_as(NID_pkcs7_data, ways[i], &size);
        assert_done(hf_cms_parse(der, size, &cms, ERR));
        if (ways[i] && ways[i] != give_long_form)
            assert_refused(hf_cms_vouched(cms, authority, true, now, NULL, ERR), HOTFIX_SIGNATURE,
                           "does not say when it was made");
        else
            assert_done(hf_cms_vouched(cms, authority, true, now, NULL, ERR));
        assert_done(hf_cms_vouched(cms, authority, false, now, NULL, ERR));
        hf_cms_close(cms);
        free(der);
    }
}

static void a_message_cut_or_extended_at_any_byte_is_refused(void **state)
{
    size_t size;
    uint8_t *der = fixture_cms(&signer, NULL, message, sizeof(message), CMS_DETACHED, &size);

    (void)state;
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = malloc(cut + !cut);
        memcpy(exact, der, cut);
        refuse_der(exact, cut, "");
        free(exact);
    }
    der = realloc(der, size + 1);
    der[size] = 0;
    refuse_der(der, size + 1, "is malformed");
    free(der);
}

/* What libcrypto still reads is by the same certificate, or nobody vouches for it. */
static void a_flipped_bit_never_makes_another_signer(void **state)
{
    uint8_t id[HF_KEY_ID_SIZE], again[HF_KEY_ID_SIZE];
    struct hf_cms *cms;
    size_t size;
    uint8_t *der = fixture_cms(&signer, NULL, message, sizeof(message), CMS_DETACHED, &size);

    (void)state;
    assert_done(hf_cms_open(der, size, message, sizeof(message), &cms, ERR));
    assert_string_equal(hf_cms_signer(cms), "CN=signer");
    hf_cms_id(cms, id);
    hf_cms_close(cms);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        der[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (hf_cms_open(der, size, message, sizeof(message), &cms, NULL) == 0) {
            hf_cms_id(cms, again);
            if (memcmp(id, again, sizeof(id)) != 0 && hf_cms_vouched(cms, authority, false, now, NULL, NULL) == 0)
                fail_msg("bit %zu", bit);
            hf_cms_close(cms);
        }
        der[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(der);
}

static void refuse_authority(const char *pem, const char *reason)
{
    struct hf_authority *made = NULL;

    assert_refused(hf_authority_parse(pem, strlen(pem), "x.ca.pem", &made, ERR), HOTFIX_TRUST, reason);
    assert_null(made);
}

static void what_is_no_authority_is_refused(void **state)
{
    struct fixture_wish no_signing = {.authority = true, .usage = "critical,digitalSignature"};
    struct fixture_identity powerless = fixture_identity("powerless", NULL, no_signing);
    char *leaf = fixture_certificate_pem(signer.certificate), *good = fixture_certificate_pem(root.certificate);
    char *weak = fixture_certificate_pem(powerless.certificate), *list = fixture_list_pem(&root, NULL, HOUR);
    char *text = NULL;

    (void)state;
    refuse_authority("", "x.ca.pem: holds no PEM certificate");
    refuse_authority("garbage", "holds no PEM certificate");
    refuse_authority(list, "holds no PEM certificate");
    refuse_authority(leaf, "certificate of CN=signer is not one of an authority");
    refuse_authority(weak, "certificate of CN=powerless is not one of an authority");
    assert_true(asprintf(&text, "%s%s", good, leaf) > 0);
    refuse_authority(text, "CN=signer");
    free(text);
    assert_true(asprintf(&text, "%s-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", good) > 0);
    refuse_authority(text, "something other than PEM certificates");
    free(text);
    text = calloc(HF_AUTHORITY_CERTS_MAX + 1, strlen(good) + 1);
    for (int i = 0; i <= HF_AUTHORITY_CERTS_MAX; i++)
        strcat(text, good);
    refuse_authority(text, "more than 16 certificates");
    free(text);
    struct hf_authority *made = authority_of(&root);
    assert_refused(hf_authority_revoke(made, good, strlen(good), "x.crl.pem", ERR), HOTFIX_TRUST, "no PEM revocation");
    text = calloc(HF_AUTHORITY_LISTS_MAX + 1, strlen(list) + 1);
    for (int i = 0; i <= HF_AUTHORITY_LISTS_MAX; i++)
        strcat(text, list);
    assert_refused(hf_authority_revoke(made, text, strlen(text), "x.crl.pem", ERR), HOTFIX_TRUST,
                   "more than 16 revocation lists");
    free(text);
    /* Good ones, and much behind them. */
    text = malloc(HF_AUTHORITY_FILE_MAX + 2);
    memset(text, '\n', HF_AUTHORITY_FILE_MAX + 1);
    text[HF_AUTHORITY_FILE_MAX + 1] = '\0';
    memcpy(text, list, strlen(list));
    assert_refused(hf_authority_revoke(made, text, HF_AUTHORITY_FILE_MAX + 1, "x.crl.pem", ERR), HOTFIX_TRUST,
                   "too many for revocation lists");
    memset(text, '\n', strlen(list));
    memcpy(text, good, strlen(good));
    refuse_authority(text, "too many for certificates");
    free(text);
    hf_authority_destroy(made);
    free(weak);
    /* What may sign certificates, and says that it is none of an authority. */
    struct fixture_identity denied = fixture_identity("denied", &root, (struct fixture_wish){.usage = "keyCertSign"});
    weak = fixture_certificate_pem(denied.certificate);
    refuse_authority(weak, "certificate of CN=denied is not one of an authority");
    fixture_identity_drop(&denied);
    fixture_identity_drop(&powerless);
    free(leaf);
    free(good);
    free(weak);
    free(list);
}

static void the_error_queue_of_the_host_program_stays_as_it_was(void **state)
{
    struct hf_cms *cms;

    (void)state;
    ERR_clear_error();
    refuse_authority("garbage", "");
    assert_int_equal(hf_cms_open(message, sizeof(message), message, sizeof(message), &cms, NULL), -1);
    assert_done(vouched(&signer, NULL, authority, false, now, ERR));
    assert_int_equal(vouched(&signer, NULL, authority, false, now + 2 * HOUR, ERR), -1);
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_that_are_not_valid_are_refused),
        cmocka_unit_test(certificates_for_other_things_are_refused),
        cmocka_unit_test(certificates_of_others_are_refused),
        cmocka_unit_test(a_chain_leads_to_the_authority_or_to_any_part_of_it_that_is_trusted),
        cmocka_unit_test(authorities_in_between_must_be_for_code_too),
        cmocka_unit_test(revoked_certificates_are_refused_whenever_they_were_used),
        cmocka_unit_test(a_list_that_is_out_of_date_missing_or_of_others_is_refused),
        cmocka_unit_test(validity_can_be_asked_for_at_the_time_of_signing),
        cmocka_unit_test(a_signature_over_another_message_is_refused),
        cmocka_unit_test(messages_of_another_form_are_refused),
        cmocka_unit_test(serial_numbers_that_rfc_5280_does_not_know_are_refused),
        cmocka_unit_test(a_key_that_is_written_in_another_way_signs_nothing),
        cmocka_unit_test(what_was_signed_as_something_else_is_refused),
        cmocka_unit_test(of_two_signing_times_none_counts),
        cmocka_unit_test(more_or_less_than_one_signer_and_short_hashes_are_refused),
        cmocka_unit_test(a_message_cut_or_extended_at_any_byte_is_refused),
        cmocka_unit_test(a_flipped_bit_never_makes_another_signer),
        cmocka_unit_test(what_is_no_authority_is_refused),
        cmocka_unit_test(the_error_queue_of_the_host_program_stays_as_it_was),
    };
    return cmocka_run_group_tests(tests, make_identities, drop_identities);
}
