/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECDSA and RSA signatures at the edges of what their encodings can say, in a CMS object, and chains at the edges of
 * RFC 5280. Made here, after what is publicly known to have fooled verifiers.
 */
#include <openssl/bn.h>
#include <openssl/ecdsa.h>

#include "certificate_fixture.h"
#include "cms.h"

static const char message[] = "hotfix bundle 1\nsize 4711\n";
/* The order of P-256 (FIPS 186-4, D.1.2.3). */
static const char order_text[] = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";

static const struct fixture_wish ca = {.authority = true}, code = {0};
static struct fixture_identity root, signer, rsa;
static int64_t now;

static int make(void **state)
{
    (void)state;
    now = (int64_t)time(NULL);
    root = fixture_identity("root", NULL, ca);
    signer = fixture_identity("signer", &root, code);
    rsa = fixture_identity("rsa", &root, (struct fixture_wish){.key_type = "RSA2048"});
    return 0;
}

static int drop(void **state)
{
    (void)state;
    fixture_identity_drop(&root);
    fixture_identity_drop(&signer);
    fixture_identity_drop(&rsa);
    return 0;
}

/* Changes the value of a signature, which has room for 512 bytes. */
typedef void change_fn(uint8_t *value, size_t *size);

/* A signature over the message with another value; -1 when it is refused. */
static int verify_changed(const struct fixture_identity *by, change_fn *change, const uint8_t *value, size_t size)
{
    BIO *bio = BIO_new_mem_buf(message, sizeof(message));
    CMS_ContentInfo *content = CMS_sign(by->certificate, by->key, NULL, bio, CMS_BINARY | CMS_DETACHED);
    ASN1_OCTET_STRING *old = CMS_SignerInfo_get0_signature(sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(content), 0));
    uint8_t bytes[512] = {0};
    struct hf_cms *cms;
    size_t der_size;

    BIO_free(bio);
    if (change) {
        size = (size_t)ASN1_STRING_length(old);
        memcpy(bytes, ASN1_STRING_get0_data(old), size);
        change(bytes, &size);
    } else {
        memcpy(bytes, value, size);
    }
    ASN1_STRING_set(old, bytes, (int)size);
    uint8_t *der = fixture_cms_der(content, &der_size);
    int result = hf_cms_open(der, der_size, message, sizeof(message), &cms, ERR);
    if (result == 0)
        hf_cms_close(cms);
    free(der);
    return result;
}

static int verify_numbers(const BIGNUM *r, const BIGNUM *s)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    uint8_t *der = NULL;

    ECDSA_SIG_set0(pair, BN_dup(r), BN_dup(s));
    int size = i2d_ECDSA_SIG(pair, &der);
    int result = size > 0 ? verify_changed(&signer, NULL, der, (size_t)size) : -1;
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    return result;
}

static void numbers_of_ecdsa_outside_their_range_are_refused(void **state)
{
    BIGNUM *order = NULL, *edges[9];

    (void)state;
    BN_hex2bn(&order, order_text);
    for (size_t i = 0; i < 9; i++)
        edges[i] = BN_new();
    BN_one(edges[1]);
    BN_set_word(edges[2], 2);
    BN_copy(edges[3], order);
    BN_sub_word(edges[3], 1);
    BN_copy(edges[4], order);
    BN_copy(edges[5], order);
    BN_add_word(edges[5], 1);
    BN_lshift1(edges[6], order);
    BN_one(edges[7]);
    BN_lshift(edges[7], edges[7], 256);
    BN_one(edges[8]);
    BN_set_negative(edges[8], 1);
    for (size_t i = 0; i < 9; i++)
        for (size_t k = 0; k < 9; k++)
            assert_int_equal(verify_numbers(edges[i], edges[k]), -1);
    for (size_t i = 0; i < 9; i++)
        BN_free(edges[i]);
    BN_free(order);
}

static void nothing(uint8_t *value, size_t *size)
{
    (void)value;
    (void)size;
}

static void behind_the_sequence(uint8_t *value, size_t *size)
{
    value[(*size)++] = 0;
}

static void behind_the_numbers(uint8_t *value, size_t *size)
{
    value[(*size)++] = 5;
    value[(*size)++] = 0;
    value[1] += 2;
}

static void length_in_two_bytes(uint8_t *value, size_t *size)
{
    memmove(value + 2, value + 1, (*size)++ - 1);
    value[1] = 0x81;
}

static void indefinite_length(uint8_t *value, size_t *size)
{
    value[1] = 0x80;
    value[(*size)++] = 0;
    value[(*size)++] = 0;
}

static void another_tag(uint8_t *value, size_t *size)
{
    (void)size;
    value[0] = 0x31;
}

static void cut(uint8_t *value, size_t *size)
{
    (void)value;
    (*size)--;
}

static void none(uint8_t *value, size_t *size)
{
    (void)value;
    *size = 0;
}

static void a_zero_in_front_of_r(uint8_t *value, size_t *size)
{
    memmove(value + 5, value + 4, (*size)++ - 4);
    value[4] = 0;
    value[3]++;
    value[1]++;
}

static void r_and_s_exchanged(uint8_t *value, size_t *size)
{
    uint8_t copy[512];
    size_t r = 2 + (size_t)value[3], s = *size - 2 - r;

    memcpy(copy, value, *size);
    memcpy(value + 2, copy + 2 + r, s);
    memcpy(value + 2 + s, copy + 2, r);
}

static void a_good_signature_is_written_in_one_way(void **state)
{
    static change_fn *const changes[] = {
        behind_the_sequence,  behind_the_numbers, length_in_two_bytes, indefinite_length, another_tag, cut, none,
        a_zero_in_front_of_r, r_and_s_exchanged};

    (void)state;
    assert_done(verify_changed(&signer, nothing, NULL, 0));
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
        if (verify_changed(&signer, changes[i], NULL, 0) == 0)
            fail_msg("change %zu passes", i);
}

/* s and its opposite are both good: who has one has the other, and neither is another signer's. */
static void the_opposite_s(uint8_t *value, size_t *size)
{
    const unsigned char *in = value;
    unsigned char *out = value;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &in, (long)*size);
    BIGNUM *order = NULL, *s = BN_new();

    BN_hex2bn(&order, order_text);
    BN_sub(s, order, ECDSA_SIG_get0_s(pair));
    ECDSA_SIG_set0(pair, BN_dup(ECDSA_SIG_get0_r(pair)), s);
    *size = (size_t)i2d_ECDSA_SIG(pair, &out);
    ECDSA_SIG_free(pair);
    BN_free(order);
}

static void an_opposite_s_is_the_same_signers(void **state)
{
    (void)state;
    assert_done(verify_changed(&signer, the_opposite_s, NULL, 0));
}

static void a_zero_in_front(uint8_t *value, size_t *size)
{
    memmove(value + 1, value, (*size)++);
    value[0] = 0;
}

/* The same number modulo n. */
static void plus_n(uint8_t *value, size_t *size)
{
    BIGNUM *number = BN_bin2bn(value, (int)*size, NULL), *modulus = NULL;

    EVP_PKEY_get_bn_param(rsa.key, "n", &modulus);
    BN_add(number, number, modulus);
    *size = (size_t)BN_bn2bin(number, value);
    BN_free(number);
    BN_free(modulus);
}

static void small_number(uint8_t *value, size_t *size)
{
    memset(value, 0, *size);
    value[*size - 1] = 1;
}

static void all_zero(uint8_t *value, size_t *size)
{
    memset(value, 0, *size);
}

static void all_ones(uint8_t *value, size_t *size)
{
    memset(value, 0xff, *size);
}

static void numbers_of_rsa_outside_their_range_are_refused(void **state)
{
    static change_fn *const changes[] = {a_zero_in_front, plus_n, small_number, all_zero, all_ones, cut, none};

    (void)state;
    assert_done(verify_changed(&rsa, nothing, NULL, 0));
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
        if (verify_changed(&rsa, changes[i], NULL, 0) == 0)
            fail_msg("change %zu passes", i);
}

/* What the root says of a signer whose certificate, or that of the authority in between, is like this. */
static int vouched(const struct fixture_identity *by, X509 *between)
{
    char *pem = fixture_certificate_pem(root.certificate);
    struct hf_authority *authority;
    struct hf_cms *cms;
    size_t size;
    uint8_t *der = fixture_cms(by, between, message, sizeof(message), CMS_DETACHED, &size);

    assert_done(hf_authority_parse(pem, strlen(pem), "ca", &authority, ERR));
    assert_done(hf_cms_open(der, size, message, sizeof(message), &cms, ERR));
    int result = hf_cms_vouched(cms, authority, false, now, NULL, ERR);
    hf_cms_close(cms);
    hf_authority_destroy(authority);
    free(der);
    free(pem);
    return result;
}

/* Signs the certificate again, after a change. */
static void sign_again(struct fixture_identity *identity, const struct fixture_identity *issuer, const EVP_MD *digest)
{
    assert_true(X509_sign(identity->certificate, issuer->key, digest) > 0);
}

static void replace(struct fixture_identity *identity, const struct fixture_identity *issuer, int nid,
                    const char *value)
{
    X509_EXTENSION_free(X509_delete_ext(identity->certificate, X509_get_ext_by_NID(identity->certificate, nid, -1)));
    if (value)
        fixture_extension(identity->certificate, issuer->certificate, nid, value);
    sign_again(identity, issuer, EVP_sha256());
}

static void a_path_that_is_longer_than_an_authority_allows_is_refused(void **state)
{
    struct fixture_identity upper = fixture_identity("upper", &root, ca), lower;

    (void)state;
    replace(&upper, &root, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    lower = fixture_identity("lower", &upper, ca);
    struct fixture_identity direct = fixture_identity("direct", &upper, code);
    struct fixture_identity leaf = fixture_identity("leaf", &lower, code);
    assert_done(vouched(&direct, upper.certificate));
    /* Both in between are needed; the lower one is one too many. */
    STACK_OF(X509) *within = sk_X509_new_null();
    sk_X509_push(within, upper.certificate);
    sk_X509_push(within, lower.certificate);
    char *pem = fixture_certificate_pem(root.certificate);
    struct hf_authority *authority;
    assert_done(hf_authority_parse(pem, strlen(pem), "ca", &authority, ERR));
    assert_refused(hf_authority_vouch(authority, leaf.certificate, within, now, now, NULL, ERR), HOTFIX_SIGNATURE,
                   "path length constraint exceeded");
    sk_X509_free(within);
    hf_authority_destroy(authority);
    free(pem);
    fixture_identity_drop(&upper);
    fixture_identity_drop(&lower);
    fixture_identity_drop(&direct);
    fixture_identity_drop(&leaf);
}

static void an_authority_in_between_must_be_one(void **state)
{
    struct fixture_identity middle = fixture_identity("middle", &root, ca);
    struct fixture_identity leaf = fixture_identity("leaf", &middle, code);

    (void)state;
    assert_done(vouched(&leaf, middle.certificate));
    replace(&middle, &root, NID_basic_constraints, "critical,CA:FALSE");
    assert_refused(vouched(&leaf, middle.certificate), HOTFIX_SIGNATURE, "certificate");
    replace(&middle, &root, NID_basic_constraints, NULL);
    assert_refused(vouched(&leaf, middle.certificate), HOTFIX_SIGNATURE, "certificate");
    replace(&middle, &root, NID_basic_constraints, "critical,CA:TRUE");
    replace(&middle, &root, NID_key_usage, "critical,cRLSign");
    assert_refused(vouched(&leaf, middle.certificate), HOTFIX_SIGNATURE, "certificate");
    replace(&middle, &root, NID_key_usage, "critical,keyCertSign");
    assert_done(vouched(&leaf, middle.certificate));
    X509_gmtime_adj(X509_getm_notAfter(middle.certificate), -60);
    sign_again(&middle, &root, EVP_sha256());
    assert_refused(vouched(&leaf, middle.certificate), HOTFIX_EXPIRED, "certificate of CN=middle");
    fixture_identity_drop(&middle);
    fixture_identity_drop(&leaf);
}

static void what_a_certificate_says_and_nobody_knows_is_refused(void **state)
{
    struct fixture_identity leaf = fixture_identity("leaf", &root, code);
    ASN1_OBJECT *unknown = OBJ_txt2obj("1.3.6.1.4.1.55555.1", 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension;

    (void)state;
    ASN1_STRING_set(value, "\x05\x00", 2);
    for (int critical = 0; critical < 2; critical++) {
        extension = X509_EXTENSION_create_by_OBJ(NULL, unknown, critical, value);
        X509_add_ext(leaf.certificate, extension, -1);
        sign_again(&leaf, &root, EVP_sha256());
        if (critical)
            assert_refused(vouched(&leaf, NULL), HOTFIX_SIGNATURE, "unhandled critical extension");
        else
            assert_done(vouched(&leaf, NULL));
        X509_EXTENSION_free(X509_delete_ext(leaf.certificate, X509_get_ext_count(leaf.certificate) - 1));
        X509_EXTENSION_free(extension);
    }
    ASN1_OBJECT_free(unknown);
    ASN1_OCTET_STRING_free(value);
    fixture_identity_drop(&leaf);
}

static void weak_hashes_and_old_versions_are_refused(void **state)
{
    struct fixture_identity leaf = fixture_identity("leaf", &root, code);

    (void)state;
    sign_again(&leaf, &root, EVP_sha1());
    assert_refused(vouched(&leaf, NULL), HOTFIX_SIGNATURE, "too weak");
    sign_again(&leaf, &root, EVP_sha256());
    assert_done(vouched(&leaf, NULL));
    X509_set_version(leaf.certificate, X509_VERSION_1);
    sign_again(&leaf, &root, EVP_sha256());
    assert_refused(vouched(&leaf, NULL), HOTFIX_SIGNATURE, "certificate");
    fixture_identity_drop(&leaf);
}

/* Named as the root, with its key identifier, and signed by itself. */
static void who_calls_itself_the_root_is_not(void **state)
{
    struct fixture_identity fake = fixture_identity("root", NULL, ca), leaf = fixture_identity("leaf", &fake, code);

    (void)state;
    assert_refused(vouched(&leaf, fake.certificate), HOTFIX_SIGNATURE, "certificate");
    replace(&leaf, &root, NID_authority_key_identifier, "keyid:always");
    sign_again(&leaf, &fake, EVP_sha256());
    assert_refused(vouched(&leaf, NULL), HOTFIX_SIGNATURE, "certificate signature failure");
    fixture_identity_drop(&fake);
    fixture_identity_drop(&leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_ecdsa_outside_their_range_are_refused),
        cmocka_unit_test(a_good_signature_is_written_in_one_way),
        cmocka_unit_test(an_opposite_s_is_the_same_signers),
        cmocka_unit_test(numbers_of_rsa_outside_their_range_are_refused),
        cmocka_unit_test(a_path_that_is_longer_than_an_authority_allows_is_refused),
        cmocka_unit_test(an_authority_in_between_must_be_one),
        cmocka_unit_test(what_a_certificate_says_and_nobody_knows_is_refused),
        cmocka_unit_test(weak_hashes_and_old_versions_are_refused),
        cmocka_unit_test(who_calls_itself_the_root_is_not),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
