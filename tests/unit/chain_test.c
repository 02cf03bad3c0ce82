/* SPDX-License-Identifier: Apache-2.0 */
/* Chains and revocation lists that RFC 5280 forbids, or that say less than they seem to. */
#include <openssl/conf.h>

#include "authority.h"
#include "certificate_fixture.h"

static const struct fixture_wish ca = {.authority = true}, code = {0};
static struct fixture_identity root, middle, leaf;
static int64_t now;

static int make(void **state)
{
    (void)state;
    now = (int64_t)time(NULL);
    root = fixture_identity("root", NULL, ca);
    middle = fixture_identity("middle", &root, ca);
    leaf = fixture_identity("leaf", &middle, code);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    fixture_identity_drop(&root);
    fixture_identity_drop(&middle);
    fixture_identity_drop(&leaf);
    return 0;
}

static void sign_again(struct fixture_identity *identity, const struct fixture_identity *issuer)
{
    assert_true(X509_sign(identity->certificate, issuer->key, EVP_sha256()) > 0);
}

/* What the root says of the leaf, by way of the middle; lists is NULL, or revocation lists of the root's. */
static int vouched(const char *lists, struct hotfix_error *err)
{
    char *pem = fixture_certificate_pem(root.certificate);
    STACK_OF(X509) *within = sk_X509_new_null();
    /* As they are read from a bundle: libcrypto keeps what it found in a certificate before it was changed. */
    X509 *between = X509_dup(middle.certificate), *last = X509_dup(leaf.certificate);
    struct hf_authority *authority;

    sk_X509_push(within, between);
    assert_done(hf_authority_parse(pem, strlen(pem), "x.ca.pem", &authority, ERR));
    int result = lists ? hf_authority_revoke(authority, lists, strlen(lists), "x.crl.pem", err) : 0;
    if (result == 0)
        result = hf_authority_vouch(authority, last, within, now, now, NULL, err);
    hf_authority_destroy(authority);
    sk_X509_free(within);
    X509_free(between);
    X509_free(last);
    free(pem);
    return result;
}

/* A constraint of the names that the middle may certify; section is what a directory name must begin with. */
static void constrain(const char *value, const char *section)
{
    BIO *bio = BIO_new_mem_buf(section, -1);
    CONF *conf = NCONF_new(NULL);
    X509V3_CTX context;

    assert_true(NCONF_load_bio(conf, bio, NULL) > 0);
    X509V3_set_ctx(&context, root.certificate, middle.certificate, NULL, NULL, 0);
    X509V3_set_nconf(&context, conf);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(conf, &context, NID_name_constraints, value);
    assert_non_null(extension);
    X509_EXTENSION_free(
        X509_delete_ext(middle.certificate, X509_get_ext_by_NID(middle.certificate, NID_name_constraints, -1)));
    assert_int_equal(X509_add_ext(middle.certificate, extension, -1), 1);
    sign_again(&middle, &root);
    X509_EXTENSION_free(extension);
    NCONF_free(conf);
    BIO_free(bio);
}

static void names_that_an_authority_may_not_certify_are_refused(void **state)
{
    (void)state;
    assert_done(vouched(NULL, ERR));
    constrain("critical,permitted;dirName:wanted", "[wanted]\nCN = leaf\n");
    assert_done(vouched(NULL, ERR));
    constrain("critical,permitted;dirName:wanted", "[wanted]\nCN = leaf of another\n");
    assert_refused(vouched(NULL, ERR), HOTFIX_SIGNATURE, "permitted subtree violation");
    constrain("critical,excluded;dirName:wanted", "[wanted]\nCN = leaf\n");
    assert_refused(vouched(NULL, ERR), HOTFIX_SIGNATURE, "excluded subtree violation");
}

static void an_extension_that_is_there_twice_is_refused(void **state)
{
    static const struct {
        int nid;
        const char *value;
    } again[] = {{NID_key_usage, "critical,digitalSignature"},
                 {NID_ext_key_usage, "critical,codeSigning"},
                 {NID_basic_constraints, "critical,CA:FALSE"}};

    (void)state;
    for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++) {
        fixture_extension(leaf.certificate, middle.certificate, again[i].nid, again[i].value);
        sign_again(&leaf, &middle);
        assert_refused(vouched(NULL, ERR), HOTFIX_SIGNATURE, "certificate of CN=leaf");
        X509_EXTENSION_free(X509_delete_ext(leaf.certificate, X509_get_ext_count(leaf.certificate) - 1));
    }
    sign_again(&leaf, &middle);
    assert_done(vouched(NULL, ERR));
}

static void an_issuer_with_another_key_than_is_named_is_refused(void **state)
{
    struct fixture_identity other = fixture_identity("middle", &root, ca);

    (void)state;
    X509_EXTENSION_free(
        X509_delete_ext(leaf.certificate, X509_get_ext_by_NID(leaf.certificate, NID_authority_key_identifier, -1)));
    fixture_extension(leaf.certificate, other.certificate, NID_authority_key_identifier, "keyid:always");
    sign_again(&leaf, &middle);
    assert_refused(vouched(NULL, ERR), HOTFIX_SIGNATURE, "unable to get local issuer");
    fixture_identity_drop(&other);
}

/* The algorithm stands in a certificate twice, and only one of the two is signed. */
static void two_algorithms_for_one_signature_are_refused(void **state)
{
    X509 *certificate = leaf.certificate;
    X509_ALGOR *within = (X509_ALGOR *)X509_get0_tbs_sigalg(certificate);
    const ASN1_BIT_STRING *signature;
    const X509_ALGOR *outside;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char *signed_bytes = NULL, bytes[256];
    size_t size = sizeof(bytes);

    (void)state;
    assert_int_equal(X509_ALGOR_set0(within, OBJ_nid2obj(NID_ecdsa_with_SHA384), V_ASN1_UNDEF, NULL), 1);
    int length = i2d_re_X509_tbs(certificate, &signed_bytes);
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, middle.key), 1);
    assert_int_equal(EVP_DigestSign(context, bytes, &size, signed_bytes, (size_t)length), 1);
    X509_get0_signature(&signature, &outside, certificate);
    ASN1_BIT_STRING_set((ASN1_BIT_STRING *)signature, bytes, (int)size);
    assert_int_equal(OBJ_obj2nid(outside->algorithm), NID_ecdsa_with_SHA256);
    assert_refused(vouched(NULL, ERR), HOTFIX_SIGNATURE, "certificate of CN=leaf");
    OPENSSL_free(signed_bytes);
    EVP_MD_CTX_free(context);
}

static void a_validity_that_ends_before_it_begins_is_refused(void **state)
{
    (void)state;
    X509_gmtime_adj(X509_getm_notBefore(leaf.certificate), HOUR);
    X509_gmtime_adj(X509_getm_notAfter(leaf.certificate), -HOUR);
    sign_again(&leaf, &middle);
    assert_refused(vouched(NULL, ERR), HOTFIX_SIGNATURE, "not yet valid");
    X509_gmtime_adj(X509_getm_notBefore(leaf.certificate), -2 * HOUR);
    sign_again(&leaf, &middle);
    assert_refused(vouched(NULL, ERR), HOTFIX_EXPIRED, "has expired");
}

/* A list of the middle's with one more extension; free it. */
static char *list_with(int nid, const char *value)
{
    char *text = fixture_list_pem(&middle, NULL, HOUR);
    BIO *bio = BIO_new_mem_buf(text, -1), *out = BIO_new(BIO_s_mem());
    X509_CRL *list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    X509V3_CTX context;
    char *pem, *own = fixture_list_pem(&root, NULL, HOUR), *both;

    X509V3_set_ctx(&context, middle.certificate, NULL, NULL, list, 0);
    X509_EXTENSION *extension = value ? X509V3_EXT_conf_nid(NULL, &context, nid, value) : NULL;
    assert_true(!value || extension);
    if (extension)
        assert_int_equal(X509_CRL_add_ext(list, extension, -1), 1);
    X509_EXTENSION_free(extension);
    assert_true(X509_CRL_sign(list, middle.key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509_CRL(out, list), 1);
    long size = BIO_get_mem_data(out, &pem);
    assert_true(asprintf(&both, "%s%.*s", own, (int)size, pem) > 0);
    X509_CRL_free(list);
    BIO_free(bio);
    BIO_free(out);
    free(text);
    free(own);
    return both;
}

/* Where an authority has lists, a certificate without one that is about it is refused: some are not, and say so. */
static void a_list_about_other_certificates_is_none(void **state)
{
    static const char *const others[] = {"critical,onlyCA:TRUE", "critical,onlyAA:TRUE",
                                         "critical,onlysomereasons:keyCompromise", "critical,indirectCRL:TRUE"};
    char *whole = list_with(0, NULL),
         *about_leaves = list_with(NID_issuing_distribution_point, "critical,onlyuser:TRUE");

    (void)state;
    assert_done(vouched(whole, ERR));
    assert_done(vouched(about_leaves, ERR));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        char *list = list_with(NID_issuing_distribution_point, others[i]);
        assert_refused(vouched(list, ERR), HOTFIX_SIGNATURE, "certificate of CN=leaf");
        free(list);
    }
    char *unknown = list_with(NID_freshest_crl, "critical,URI:http://localhost/");
    assert_refused(vouched(unknown, ERR), HOTFIX_SIGNATURE, "certificate of CN=leaf");
    free(unknown);
    free(whole);
    free(about_leaves);
}

#define each(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        each(names_that_an_authority_may_not_certify_are_refused), each(an_extension_that_is_there_twice_is_refused),
        each(an_issuer_with_another_key_than_is_named_is_refused), each(two_algorithms_for_one_signature_are_refused),
        each(a_validity_that_ends_before_it_begins_is_refused),    each(a_list_about_other_certificates_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
