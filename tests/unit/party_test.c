/* SPDX-License-Identifier: Apache-2.0 */
/* Who counts as one party: keys written in several ways, chains that cross, authorities that lead to each other. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <signal.h>
#include <sys/mman.h>

#include "sanitized.h"
#include "signed_fixture.h"
#include "truststore.h"

#define TWO_KEYS "[policy]\nkeys = 2\n"

static const struct fixture_wish ca = {.authority = true}, code = {0};
static struct fixture_identity root, other, signer, others;

static int make_identities(void **state)
{
    now = (int64_t)time(NULL);
    root = fixture_identity("root", NULL, ca);
    other = fixture_identity("other", NULL, ca);
    signer = fixture_identity("signer", &root, code);
    others = fixture_identity("others", &other, code);
    assert_done(hf_statement(archive, sizeof(archive), statement, &statement_size, ERR));
    return fixture_enter(state);
}

static int drop_identities(void **state)
{
    struct fixture_identity *all[] = {&root, &other, &signer, &others};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        fixture_identity_drop(all[i]);
    return fixture_leave(state);
}

/* Two authorities that have nothing to do with each other, and both of which must agree. */
static const char *two(const char *name)
{
    empty_store(name);
    add_authority(name, "corp.ca.pem", root.certificate);
    add_authority(name, "partner.ca.pem", other.certificate);
    write_text(name, "trust.ini", TWO_KEYS);
    return name;
}

/* A certificate like this one, by this issuer, for another key; the key stays the caller's. */
static struct fixture_identity certified(const struct fixture_identity *like, const struct fixture_identity *issuer,
                                         EVP_PKEY *key)
{
    struct fixture_identity again = {.key = key, .certificate = X509_dup(like->certificate)};
    X509_EXTENSION *old =
        X509_delete_ext(again.certificate, X509_get_ext_by_NID(again.certificate, NID_authority_key_identifier, -1));

    X509_EXTENSION_free(old);
    X509_set_pubkey(again.certificate, key);
    X509_set_issuer_name(again.certificate, X509_get_subject_name(issuer->certificate));
    fixture_extension(again.certificate, issuer->certificate, NID_authority_key_identifier, "keyid:always");
    assert_true(X509_sign(again.certificate, issuer->key, EVP_sha256()) > 0);
    return again;
}

/* Adds a signature by a certificate with these others within. */
static void sign_through(const struct fixture_identity *by, X509 *first, X509 *last)
{
    struct hf_signature *signature;
    BIO *bio = BIO_new_mem_buf(statement, (int)statement_size);
    STACK_OF(X509) *within = sk_X509_new_null();
    size_t size;

    sign(by);
    signature = &parts.signatures[parts.signature_count - 1];
    free(made[made_count - 1]);
    sk_X509_push(within, first);
    sk_X509_push(within, last);
    made[made_count - 1] =
        fixture_cms_der(CMS_sign(by->certificate, by->key, within, bio, CMS_BINARY | CMS_DETACHED), &size);
    signature->cms = made[made_count - 1];
    signature->cms_size = size;
    sk_X509_free(within);
    BIO_free(bio);
}

static void refuse_store(const char *directory, const char *reason)
{
    struct hf_trust trust;

    assert_refused(hf_trust_read(fixture_path(directory), &trust, ERR), HOTFIX_TRUST, reason);
}

static void one_key_with_certificates_of_two_authorities_counts_once(void **state)
{
    struct fixture_identity again = certified(&others, &other, signer.key);

    (void)state;
    const char *trust = two("twice");
    sign(&signer);
    sign(&again);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: corp");
    sign(&others);
    assert_done(verify(trust, ERR));
    X509_free(again.certificate);
}

/* Whichever of the signatures before it was the key's. */
static void a_third_certificate_is_held_against_all_before_it(void **state)
{
    struct fixture_identity third = fixture_identity("third", NULL, ca);
    struct fixture_identity free_one = fixture_identity("free", &third, code);
    EVP_PKEY *keys[] = {signer.key, others.key};

    (void)state;
    const char *trust = two("three");
    add_authority(trust, "third.ca.pem", third.certificate);
    write_text(trust, "trust.ini", "[policy]\nkeys = 3\n");
    for (size_t i = 0; i < 2; i++) {
        struct fixture_identity again = certified(&others, &third, keys[i]);
        parts.signature_count = 0;
        sign(&signer);
        sign(&others);
        sign(&again);
        assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "2 of 3 keys agree: corp, partner");
        sign(&free_one);
        assert_done(verify(trust, ERR));
        X509_free(again.certificate);
    }
    fixture_identity_drop(&third);
    fixture_identity_drop(&free_one);
}

/* libcrypto writes the point of a certificate in the form that its key says. */
static void points_that_are_not_plain_are_refused(void **state)
{
    static const char *const forms[] = {"compressed", "hybrid"};

    (void)state;
    const char *trust = two("forms");
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *key = EVP_PKEY_dup(signer.key);
        EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, forms[i]);
        struct fixture_identity again = certified(&others, &other, key);
        parts.signature_count = 0;
        sign(&signer);
        sign(&again);
        assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "is a compressed or hybrid point");
        struct fixture_identity authority = certified(&root, &root, key);
        add_authority(empty_store(forms[i]), "x.ca.pem", authority.certificate);
        refuse_store(forms[i], "is a compressed or hybrid point");
        X509_free(authority.certificate);
        X509_free(again.certificate);
        EVP_PKEY_free(key);
    }
}

/* A certificate by this issuer with these bytes as its key. */
static struct fixture_identity written_as(const struct fixture_identity *issuer, EVP_PKEY *key, int type,
                                          int parameters, void *parameter, const void *bytes, size_t size)
{
    struct fixture_identity made_one = {.key = key, .certificate = X509_dup(signer.certificate)};
    unsigned char *copy = OPENSSL_memdup(bytes, size);

    assert_int_equal(X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(made_one.certificate), OBJ_nid2obj(type), parameters,
                                            parameter, copy, (int)size),
                     1);
    X509_EXTENSION_free(X509_delete_ext(made_one.certificate,
                                        X509_get_ext_by_NID(made_one.certificate, NID_subject_key_identifier, -1)));
    assert_true(X509_sign(made_one.certificate, issuer->key, EVP_sha256()) > 0);
    /* As it is read from a bundle. */
    unsigned char *der = NULL;
    int length = i2d_X509(made_one.certificate, &der);
    const unsigned char *at = der;
    X509_free(made_one.certificate);
    made_one.certificate = d2i_X509(NULL, &at, length);
    OPENSSL_free(der);
    return made_one;
}

static void refuse_key(struct fixture_identity written, const char *reason)
{
    struct hf_key_owner owner;

    assert_non_null(written.certificate);
    assert_refused(hf_key_owner_of(written.certificate, &owner, ERR), HOTFIX_SIGNATURE, reason);
    X509_free(written.certificate);
}

static void keys_that_are_written_in_another_way_are_refused(void **state)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *edwards = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    unsigned char *bytes = NULL, longer[600];
    int size = i2d_PublicKey(rsa, &bytes);
    struct fixture_identity good = written_as(&root, rsa, NID_rsaEncryption, V_ASN1_NULL, NULL, bytes, (size_t)size);
    struct fixture_identity strange = fixture_identity("ed448", &root, (struct fixture_wish){.key_type = "ED448"});
    struct hf_key_owner owner;

    (void)state;
    assert_done(hf_key_owner_of(good.certificate, &owner, ERR));
    X509_free(good.certificate);
    refuse_key(written_as(&root, rsa, NID_rsaEncryption, V_ASN1_UNDEF, NULL, bytes, (size_t)size), "canonical form");
    refuse_key(written_as(&root, rsa, NID_rsaEncryption, V_ASN1_NULL, NULL, bytes, (size_t)size - 1), "cannot be read");
    /* As long, but the modulus without the zero in front of it, and the exponent with one: libcrypto reads the same. */
    static const unsigned char exponent[] = {2, 4, 0, 1, 0, 1};
    memcpy(longer, bytes, 8);
    longer[7]--; /* of the modulus: 30 82 01 0a 02 82 01 01 00 */
    memcpy(longer + 8, bytes + 9, 256);
    memcpy(longer + 264, exponent, sizeof(exponent));
    assert_int_equal(size, 270);
    refuse_key(written_as(&root, rsa, NID_rsaEncryption, V_ASN1_NULL, NULL, longer, 270), "canonical form");
    memcpy(longer, bytes, (size_t)size);
    memset(longer + size, 0, 3);
    refuse_key(written_as(&root, rsa, NID_rsaEncryption, V_ASN1_NULL, NULL, longer, (size_t)size + 3), "");
    refuse_key(written_as(&root, rsa, NID_X9_62_id_ecPublicKey, V_ASN1_NULL, NULL, bytes, (size_t)size), "");
    refuse_key(
        written_as(&root, rsa, NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, OBJ_nid2obj(NID_X9_62_prime256v1), "", 1), "");
    refuse_key(strange, "neither RSA nor EC nor Ed25519");
    EVP_PKEY_free(strange.key);
    /* As long as an Ed25519 key, but none. */
    EVP_PKEY *montgomery = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    refuse_key(certified(&signer, &root, montgomery), "neither RSA nor EC nor Ed25519");
    EVP_PKEY_free(montgomery);
    OPENSSL_free(bytes);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(edwards);
}

/* All numbers of the curve in place of its name: another key could be given that one's curve. */
static void curves_without_a_name_are_refused(void **state)
{
    EVP_PKEY *key = EVP_PKEY_dup(signer.key);
    struct hf_key_owner owner;

    (void)state;
    assert_int_equal(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
    struct fixture_identity again = certified(&others, &other, key);
    assert_refused(hf_key_owner_of(again.certificate, &owner, ERR), HOTFIX_SIGNATURE, "does not name its curve");
    X509_free(again.certificate);
    EVP_PKEY_free(key);
}

/* A key pair of these parts. */
static EVP_PKEY *assemble(const char *curve, const BIGNUM *secret, const unsigned char *point, size_t size)
{
    EVP_PKEY *made_key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();

    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, secret);
    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, size);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &made_key, EVP_PKEY_KEYPAIR, parameters), 1);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(context);
    return made_key;
}

/* A private key on another curve. */
static EVP_PKEY *moved(const BIGNUM *secret, const char *curve)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(OBJ_sn2nid(curve));
    EC_POINT *point = EC_POINT_new(group);
    unsigned char bytes[200];

    assert_int_equal(EC_POINT_mul(group, point, secret, NULL, NULL, NULL), 1);
    size_t size = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, bytes, sizeof(bytes), NULL);
    EVP_PKEY *key = assemble(curve, secret, bytes, size);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    return key;
}

/* Some curves have two names, or are the same but for the choice of coordinates: one key would be two. */
static void one_key_on_a_curve_with_two_names_counts_once(void **state)
{
    static const char *const curves[][2] = {{"secp224r1", "wap-wsg-idm-ecid-wtls12"},
                                            {"brainpoolP256r1", "brainpoolP256t1"},
                                            {"brainpoolP384r1", "brainpoolP384t1"}};

    (void)state;
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        EVP_PKEY *keys[] = {EVP_EC_gen(curves[i][0]), NULL};
        BIGNUM *secret = NULL;
        EVP_PKEY_get_bn_param(keys[0], OSSL_PKEY_PARAM_PRIV_KEY, &secret);
        keys[1] = moved(secret, curves[i][1]);
        struct fixture_identity one = certified(&signer, &root, keys[0]), again = certified(&others, &other, keys[1]);
        parts.signature_count = 0;
        sign(&one);
        sign(&again);
        assert_refused(verify(two(curves[i][1]), ERR), HOTFIX_SIGNATURE, "is on another curve than those of");
        assert_non_null(strstr(ERR->message, "1 of 2 keys agree: corp"));
        X509_free(one.certificate);
        X509_free(again.certificate);
        BN_free(secret);
        EVP_PKEY_free(keys[0]);
        EVP_PKEY_free(keys[1]);
    }
}

static void the_usual_curves_are_known(void **state)
{
    static const char *const curves[] = {"P-224",     "P-256",           "P-384",           "P-521",
                                         "secp256k1", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"};
    struct hf_key_owner owner;

    (void)state;
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        EVP_PKEY *key = EVP_EC_gen(curves[i]);
        struct fixture_identity one = certified(&signer, &root, key);
        assert_done(hf_key_owner_of(one.certificate, &owner, ERR));
        X509_free(one.certificate);
        EVP_PKEY_free(key);
    }
}

/* The key of the point -P is n - d, where d is that of P. */
static EVP_PKEY *opposite(EVP_PKEY *key)
{
    BIGNUM *secret = NULL, *x = NULL, *y = NULL, *order = NULL, *prime = NULL;
    unsigned char point[65] = {4};

    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &secret);
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x);
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y);
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_ORDER, &order);
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_P, &prime);
    BN_sub(secret, order, secret);
    BN_sub(y, prime, y);
    BN_bn2binpad(x, point + 1, 32);
    BN_bn2binpad(y, point + 33, 32);
    EVP_PKEY *made_key = assemble("P-256", secret, point, sizeof(point));
    BN_free(secret);
    BN_free(x);
    BN_free(y);
    BN_free(order);
    BN_free(prime);
    return made_key;
}

static void the_opposite_point_is_no_other_key(void **state)
{
    EVP_PKEY *key = opposite(signer.key);
    struct fixture_identity again = certified(&others, &other, key);

    (void)state;
    const char *trust = two("opposite");
    sign(&signer);
    sign(&again);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: corp");
    X509_free(again.certificate);
    EVP_PKEY_free(key);
}

/* The same modulus in a key of another type. */
static EVP_PKEY *same_modulus(EVP_PKEY *key, const char *type)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *parameters = NULL;
    EVP_PKEY *made_key = NULL;

    assert_int_equal(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &parameters), 1);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &made_key, EVP_PKEY_KEYPAIR, parameters), 1);
    OSSL_PARAM_free(parameters);
    EVP_PKEY_CTX_free(context);
    return made_key;
}

static void an_rsa_key_is_one_under_either_name(void **state)
{
    EVP_PKEY *plain = EVP_RSA_gen(2048), *pss = same_modulus(plain, "RSA-PSS");
    struct fixture_identity one = certified(&signer, &root, plain), again = certified(&others, &other, pss);
    struct fixture_identity ca_one = certified(&root, &root, plain), ca_again = certified(&other, &other, pss);

    (void)state;
    const char *trust = two("rsa");
    sign(&one);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: corp");
    sign(&again);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "is not by an RSA or EC key");
    trust = empty_store("rsa-authorities");
    add_authority(trust, "a.ca.pem", ca_one.certificate);
    add_authority(trust, "b.ca.pem", ca_again.certificate);
    refuse_store(trust, "a and b would count as two: CN=root has the key of CN=other");
    X509_free(one.certificate);
    X509_free(again.certificate);
    X509_free(ca_one.certificate);
    X509_free(ca_again.certificate);
    EVP_PKEY_free(plain);
    EVP_PKEY_free(pss);
}

static void a_key_that_is_neither_rsa_nor_ec_does_not_sign(void **state)
{
    struct fixture_identity edwards = fixture_identity("edwards", &root, (struct fixture_wish){.key_type = "ED25519"});

    (void)state;
    const char *trust = two("edwards");
    /* libcrypto signs with no such key; the certificate of one in another's signature must do. */
    X509 *theirs = signer.certificate;
    signer.certificate = edwards.certificate;
    sign(&others);
    signer.certificate = theirs;
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: partner");
    fixture_identity_drop(&edwards);
}

static void a_store_with_an_authority_and_one_that_it_issued_is_refused(void **state)
{
    struct fixture_identity middle = fixture_identity("middle", &root, ca);
    static const char *const names[][2] = {{"a.ca.pem", "b.ca.pem"}, {"b.ca.pem", "a.ca.pem"}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *trust = empty_store(i ? "below" : "above");
        add_authority(trust, names[i][0], root.certificate);
        add_authority(trust, names[i][1], middle.certificate);
        refuse_store(trust, "a and b would count as two: CN=root has issued the certificate of CN=middle");
        write_text(trust, "trust.ini", "[key.a]\nrevoked = yes\n");
        refuse_store(trust, "would count as two");
    }
    fixture_identity_drop(&middle);
}

static void a_store_with_one_key_under_two_names_is_refused(void **state)
{
    struct fixture_identity cross = certified(&root, &other, root.key);
    struct fixture_identity edwards =
        fixture_identity("edwards", NULL, (struct fixture_wish){.authority = true, .key_type = "ED25519"});
    struct hf_public_key key = {.id = {0}};
    size_t size = sizeof(key.bytes);

    (void)state;
    const char *trust = empty_store("cross");
    add_authority(trust, "a.ca.pem", root.certificate);
    add_authority(trust, "b.ca.pem", cross.certificate);
    refuse_store(trust, "CN=root has the key of CN=root");
    trust = empty_store("edwards-key");
    add_authority(trust, "a.ca.pem", edwards.certificate);
    assert_int_equal(EVP_PKEY_get_raw_public_key(edwards.key, key.bytes, &size), 1);
    assert_done(hf_public_key_write(&key, fixture_path("edwards-key/b.pub"), ERR));
    refuse_store(trust, "a and b would count as two: the authority has a certificate for the key");
    X509_free(cross.certificate);
    fixture_identity_drop(&edwards);
}

/* Of an authority, or of one between. */
static void edwards_keys_in_certificates_are_held_to_what_others_are(void **state)
{
    static const struct {
        uint8_t bytes[32];
        const char *fault;
    } weak[] = {{{1}, "a point of small order"},
                {{0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
                 "not in its canonical form"},
                {{2}, "a point outside of the group of prime order"}};

    (void)state;
    for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, weak[i].bytes, 32);
        struct fixture_identity authority = certified(&root, &root, key);
        struct hf_key_owner owner;
        assert_refused(hf_key_owner_of(authority.certificate, &owner, ERR), HOTFIX_SIGNATURE, weak[i].fault);
        X509_free(authority.certificate);
        EVP_PKEY_free(key);
    }
}

static void opposite_edwards_points_are_one_key(void **state)
{
    struct fixture_signer raw;

    (void)state;
    fixture_signer(&raw);
    empty_store("opposites");
    assert_done(hf_public_key_write(&raw.public_key, fixture_path("opposites/a.pub"), ERR));
    raw.public_key.bytes[HF_KEY_SIZE - 1] ^= 0x80;
    assert_done(hf_public_key_write(&raw.public_key, fixture_path("opposites/b.pub"), ERR));
    refuse_store("opposites", "a and b would count as two: one private key signs for both");
    hf_private_key_destroy(raw.key);
}

/* The store cannot know: what is between the two is in the bundle alone. */
static void an_authority_below_another_through_a_stranger_counts_as_itself_alone(void **state)
{
    struct fixture_identity middle = fixture_identity("middle", &root, ca);
    struct fixture_identity below = fixture_identity("below", &middle, ca);
    struct fixture_identity one = fixture_identity("one", &below, code), two_ = fixture_identity("two", &below, code);

    (void)state;
    for (size_t turn = 0; turn < 2; turn++) {
        const char *trust = empty_store(turn ? "stranger-b" : "stranger-a");
        add_authority(trust, turn ? "z.ca.pem" : "a.ca.pem", root.certificate);
        add_authority(trust, "m.ca.pem", below.certificate);
        write_text(trust, "trust.ini", TWO_KEYS);
        parts.signature_count = 0;
        sign_through(&one, below.certificate, middle.certificate);
        sign(&two_);
        assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: m");
        sign(&signer);
        assert_done(verify(trust, ERR));
    }
    fixture_identity_drop(&middle);
    fixture_identity_drop(&below);
    fixture_identity_drop(&one);
    fixture_identity_drop(&two_);
}

/* Of an intermediate with certificates by two authorities. */
static void whoever_two_authorities_have_certified_is_one_party(void **state)
{
    struct fixture_identity middle = fixture_identity("middle", &root, ca);
    struct fixture_identity cross = certified(&middle, &other, middle.key);
    struct fixture_identity one = fixture_identity("one", &middle, code), two_ = fixture_identity("two", &middle, code);

    (void)state;
    const char *trust = two("certified");
    sign_message(&one, middle.certificate, statement, statement_size);
    sign_message(&two_, cross.certificate, statement, statement_size);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "1 of 2 keys agree: corp");
    X509_free(cross.certificate);
    fixture_identity_drop(&middle);
    fixture_identity_drop(&one);
    fixture_identity_drop(&two_);
}

/* Numbers against old bundles are kept for that key: it is neither the signer's nor one of another in the same file. */
static void the_key_that_a_chain_ends_in_is_told(void **state)
{
    struct fixture_identity middle = fixture_identity("middle", &root, ca);
    struct fixture_identity one = fixture_identity("one", &middle, code);
    char *first = fixture_certificate_pem(other.certificate), *second = fixture_certificate_pem(root.certificate),
         *both;
    struct hf_signers signers;
    struct hf_key_owner end;
    struct hf_certificate_mark mark;

    (void)state;
    assert_true(asprintf(&both, "%s%s", first, second) > 0);
    write_text(empty_store("ends"), "corp.ca.pem", both);
    sign_message(&one, middle.certificate, statement, statement_size);
    assert_done(verify_at("ends", now, &signers, ERR));
    assert_int_equal(signers.count, 1);
    assert_done(hf_key_owner_of(root.certificate, &end, ERR));
    assert_true(hf_key_owner_equal(&signers.ends[0], &end));
    assert_done(hf_certificate_mark(one.certificate, &mark, ERR));
    assert_memory_equal(&signers.marks[0], &mark, sizeof(mark));
    free(first);
    free(second);
    free(both);
    fixture_identity_drop(&middle);
    fixture_identity_drop(&one);
}

static void what_one_authority_has_revoked_no_other_gives_back(void **state)
{
    struct fixture_identity middle = fixture_identity("middle", &root, ca);
    struct fixture_identity cross = certified(&middle, &other, middle.key);
    struct fixture_identity leaf = fixture_identity("leaf", &middle, code);
    char *own = fixture_list_pem(&root, NULL, HOUR), *named = fixture_list_pem(&middle, leaf.certificate, HOUR), *both;
    char *stale = fixture_list_pem(&middle, leaf.certificate, -60);
    struct fixture_identity stranger = fixture_identity("middle", NULL, ca);

    (void)state;
    const char *trust = two("final");
    write_text(trust, "trust.ini", "[policy]\nkeys = 1\n");
    assert_true(asprintf(&both, "%s%s", own, named) > 0);
    write_text(trust, "corp.crl.pem", both);
    free(both);
    sign_through(&leaf, middle.certificate, cross.certificate);
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "certificate of CN=leaf: certificate revoked");
    /* The certificates in a signature are not signed: anybody can leave one out. */
    parts.signature_count = 0;
    sign_message(&leaf, cross.certificate, statement, statement_size);
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED,
                   "certificate of CN=leaf: certificate revoked, by a list of corp");
    assert_true(asprintf(&both, "%s%s", own, stale) > 0);
    write_text(trust, "corp.crl.pem", both);
    free(both);
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "certificate of CN=leaf: certificate revoked");
    parts.signature_count = 0;
    sign_message(&leaf, middle.certificate, statement, statement_size);
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "certificate of CN=leaf: certificate revoked");
    /* A list that somebody else made says nothing. */
    char *forged = fixture_list_pem(&stranger, leaf.certificate, HOUR);
    write_text(trust, "corp.crl.pem", own);
    write_text(trust, "partner.crl.pem", forged);
    parts.signature_count = 0;
    sign_message(&leaf, cross.certificate, statement, statement_size);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "CRL");
    free(forged);
    fixture_identity_drop(&stranger);
    free(own);
    free(named);
    free(stale);
    X509_free(cross.certificate);
    fixture_identity_drop(&middle);
    fixture_identity_drop(&leaf);
}

/* The one between is certified by both, and one of these does not count. */
static void an_authority_that_does_not_count_vouches_for_nobody(void **state)
{
    struct fixture_identity middle = fixture_identity("middle", &root, ca);
    struct fixture_identity leaf = fixture_identity("leaf", &middle, code);

    (void)state;
    const char *trust = two("unusable");
    write_text(trust, "trust.ini", "[key.corp]\nrevoked = yes\n");
    sign_message(&leaf, middle.certificate, statement, statement_size);
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "key corp is revoked");
    write_text(trust, "trust.ini", "[key.corp]\nexpires = 2020-01-01\n");
    assert_refused(verify(trust, ERR), HOTFIX_EXPIRED, "key corp expired on");
    fixture_identity_drop(&middle);
    fixture_identity_drop(&leaf);
}

static void a_signature_that_does_not_count_does_no_harm(void **state)
{
    struct fixture_identity again = certified(&others, &other, signer.key);

    (void)state;
    const char *trust = two("harmless");
    write_text(trust, "trust.ini", "[key.partner]\nrevoked = yes\n");
    sign(&again);
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "key partner is revoked");
    sign(&signer);
    assert_done(verify(trust, ERR));
    write_text(trust, "trust.ini", "[key.partner]\nexpires = 2020-01-01\n");
    assert_done(verify(trust, ERR));
    X509_free(again.certificate);
}

/* An archive that cannot be read at all: whoever reads it dies. */
static void what_nobody_known_signed_is_not_hashed(void **state)
{
    struct fixture_signer raw;
    void *nothing = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct fixture_identity stranger = fixture_identity("stranger", NULL, ca);
    struct fixture_identity theirs = fixture_identity("theirs", &stranger, code);

    (void)state;
    const char *trust = two("unread");
    fixture_signer(&raw);
    parts.archive = nothing;
    parts.archive_size = 1 << 20;
    parts.signature_count = 1;
    memcpy(parts.signatures[0].key_id, raw.public_key.id, HF_KEY_ID_SIZE);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "signed only by keys that are not in the trust store");
    /* The id of an authority is none of a key. */
    uint8_t digest[EVP_MAX_MD_SIZE];
    X509_digest(root.certificate, EVP_sha256(), digest, NULL);
    memcpy(parts.signatures[0].key_id, digest, HF_KEY_ID_SIZE);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "signed only by keys that are not in the trust store");
    sign(&theirs);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "0 of 2 keys agree");
    munmap(nothing, 1 << 20);
    hf_private_key_destroy(raw.key);
    fixture_identity_drop(&stranger);
    fixture_identity_drop(&theirs);
}

/* Two pages, of which one can be read at a time: each reading of the whole begins with a fault of the first. */
static uint8_t *pages;
static size_t page_size;
static volatile sig_atomic_t readings;

static void turn(int signal, siginfo_t *info, void *context)
{
    (void)context;
    bool first = (uint8_t *)info->si_addr < pages + page_size;

    if ((uint8_t *)info->si_addr < pages || (uint8_t *)info->si_addr >= pages + 2 * page_size) {
        struct sigaction usual = {.sa_handler = SIG_DFL};
        sigaction(signal, &usual, NULL);
        return;
    }
    readings += first;
    mprotect(pages, page_size, first ? PROT_READ : PROT_NONE);
    mprotect(pages + page_size, page_size, first ? PROT_NONE : PROT_READ);
}

/* The id of a key is no secret: whoever copies it has the archive hashed, but not for each of their signatures. */
static void copied_key_ids_cost_one_hash(void **state)
{
    struct sigaction turning = {.sa_sigaction = turn, .sa_flags = SA_SIGINFO}, before;
    struct fixture_signer raw;

    (void)state;
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    pages = mmap(NULL, 2 * page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const char *trust = two("copied");
    fixture_signer(&raw);
    assert_done(hf_public_key_write(&raw.public_key, fixture_path("copied/raw.pub"), ERR));
    parts.archive = pages;
    parts.archive_size = 2 * page_size;
    for (size_t i = 0; i < HF_SIGNATURE_MAX; i++)
        memcpy(parts.signatures[i].key_id, raw.public_key.id, HF_KEY_ID_SIZE);
    parts.signature_count = HF_SIGNATURE_MAX - 1;
    sign(&signer);
    readings = 0;
    assert_int_equal(sigaction(SIGSEGV, &turning, &before), 0);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "0 of 2 keys agree");
    sigaction(SIGSEGV, &before, NULL);
    assert_int_equal(readings, 1);
    munmap(pages, 2 * page_size);
    hf_private_key_destroy(raw.key);
}

/* The certificate is no secret: that it was revoked says nothing of who made this signature. */
static void a_false_signature_with_a_revoked_certificate_is_called_false(void **state)
{
    char *list = fixture_list_pem(&root, signer.certificate, HOUR);

    (void)state;
    const char *trust = two("false");
    write_text(trust, "corp.crl.pem", list);
    sign_message(&signer, NULL, "other bytes", 11);
    assert_refused(verify(trust, ERR), HOTFIX_SIGNATURE, "does not verify");
    assert_null(strstr(ERR->message, "revoked"));
    parts.signature_count = 0;
    sign(&signer);
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "certificate revoked");
    free(list);
}

static bool exhausted;

#if !SANITIZED
/* In the place of the C library's, for everything in this program. */
void *reallocarray(void *old, size_t count, size_t size)
{
    return exhausted || (size && count > SIZE_MAX / size) ? NULL : realloc(old, count * size);
}
#endif

/* A chain that is not remembered could count again. */
static void a_signer_whose_chain_cannot_be_kept_does_not_count(void **state)
{
    struct hf_trust trust;

    (void)state;
    if (SANITIZED)
        skip();
    assert_done(hf_trust_read(fixture_path(two("short")), &trust, ERR));
    sign(&signer);
    sign(&others);
    exhausted = true;
    assert_refused(hf_signed_verify(&parts, &trust, now, NULL, ERR), HOTFIX_MEMORY, "out of memory for certificates");
    assert_int_equal(hf_signed_verify(&parts, &trust, now, NULL, NULL), -1);
    exhausted = false;
    assert_done(hf_signed_verify(&parts, &trust, now, NULL, ERR));
    hf_trust_deinit(&trust);
}

#define each(test) cmocka_unit_test_setup_teardown(test, fresh, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        each(one_key_with_certificates_of_two_authorities_counts_once),
        each(a_third_certificate_is_held_against_all_before_it),
        each(points_that_are_not_plain_are_refused),
        each(keys_that_are_written_in_another_way_are_refused),
        each(curves_without_a_name_are_refused),
        each(one_key_on_a_curve_with_two_names_counts_once),
        each(the_usual_curves_are_known),
        each(the_opposite_point_is_no_other_key),
        each(an_rsa_key_is_one_under_either_name),
        each(a_key_that_is_neither_rsa_nor_ec_does_not_sign),
        each(a_store_with_an_authority_and_one_that_it_issued_is_refused),
        each(a_store_with_one_key_under_two_names_is_refused),
        each(edwards_keys_in_certificates_are_held_to_what_others_are),
        each(opposite_edwards_points_are_one_key),
        each(an_authority_below_another_through_a_stranger_counts_as_itself_alone),
        each(whoever_two_authorities_have_certified_is_one_party),
        each(the_key_that_a_chain_ends_in_is_told),
        each(what_one_authority_has_revoked_no_other_gives_back),
        each(an_authority_that_does_not_count_vouches_for_nobody),
        each(a_signature_that_does_not_count_does_no_harm),
        each(what_nobody_known_signed_is_not_hashed),
        each(copied_key_ids_cost_one_hash),
        each(a_false_signature_with_a_revoked_certificate_is_called_false),
        each(a_signer_whose_chain_cannot_be_kept_does_not_count),
    };
    return cmocka_run_group_tests(tests, make_identities, drop_identities);
}
