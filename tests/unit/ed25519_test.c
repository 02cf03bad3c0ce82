/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and signatures at the edges of Ed25519: small and mixed order, encodings that are not canonical, second halves
 * beyond the group's order. All are computed here, from the curve's definition (RFC 8032, section 5.1), with BIGNUMs:
 * slow, plain, and nothing that the code under test uses.
 */
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "key.h"
#include "manifest_fixture.h"
#include "point.h"
#include "pointorder.h"
#include "truststore.h"

#define SIZE 32

struct point {
    BIGNUM *x, *y;
};

static BN_CTX *context;
static BIGNUM *prime, *order, *d;
static struct point base, eighth; /* the generator, and a point of order eight */

static struct point point_new(void)
{
    return (struct point){BN_new(), BN_new()};
}

static void point_free(struct point point)
{
    BN_free(point.x);
    BN_free(point.y);
}

/* to = numerator / denominator; changes the denominator. */
static void divide(BIGNUM *to, const BIGNUM *numerator, BIGNUM *denominator)
{
    assert_non_null(BN_mod_inverse(denominator, denominator, prime, context));
    assert_int_equal(BN_mod_mul(to, numerator, denominator, prime, context), 1);
}

static struct point point_add(struct point a, struct point b)
{
    struct point sum = point_new();
    BIGNUM *left = BN_new(), *right = BN_new(), *product = BN_new(), *one = BN_new();

    BN_one(one);
    BN_mod_mul(left, a.x, b.y, prime, context);
    BN_mod_mul(right, a.y, b.x, prime, context);
    BN_mod_mul(product, left, right, prime, context);
    BN_mod_mul(product, product, d, prime, context);
    BN_mod_add(sum.x, left, right, prime, context);
    BN_mod_add(left, one, product, prime, context);
    divide(sum.x, sum.x, left);
    BN_mod_mul(left, a.y, b.y, prime, context);
    BN_mod_mul(right, a.x, b.x, prime, context);
    BN_mod_add(sum.y, left, right, prime, context);
    BN_mod_sub(left, one, product, prime, context);
    divide(sum.y, sum.y, left);
    BN_free(left);
    BN_free(right);
    BN_free(product);
    BN_free(one);
    return sum;
}

static struct point point_multiply(const BIGNUM *factor, struct point point)
{
    struct point product = point_new();

    BN_zero(product.x);
    BN_one(product.y);
    for (int bit = BN_num_bits(factor) - 1; bit >= 0; bit--) {
        struct point next = point_add(product, product);
        point_free(product);
        product = next;
        if (!BN_is_bit_set(factor, bit))
            continue;
        next = point_add(product, point);
        point_free(product);
        product = next;
    }
    return product;
}

static void encode(struct point point, uint8_t bytes[SIZE])
{
    assert_int_equal(BN_bn2lebinpad(point.y, bytes, SIZE), SIZE);
    bytes[SIZE - 1] |= (uint8_t)(BN_is_odd(point.x) << 7);
}

/* One of the two points with this y; false when the curve has none. */
static bool point_at(const BIGNUM *y, struct point *point)
{
    BIGNUM *numerator = BN_new(), *denominator = BN_new(), *one = BN_new();

    *point = point_new();
    BN_one(one);
    BN_mod_sqr(numerator, y, prime, context);
    BN_mod_mul(denominator, numerator, d, prime, context);
    BN_mod_add(denominator, denominator, one, prime, context);
    BN_mod_sub(numerator, numerator, one, prime, context);
    divide(numerator, numerator, denominator);
    BN_copy(point->y, y);
    bool found = BN_mod_sqrt(point->x, numerator, prime, context) != NULL;
    BN_free(numerator);
    BN_free(denominator);
    BN_free(one);
    return found;
}

/* What is left of a point when its part of prime order is taken away; the first that has order eight. */
static void find_eighth(void)
{
    BIGNUM *y = BN_new();
    struct point point, doubled, again;

    for (unsigned long candidate = 2;; candidate++) {
        BN_set_word(y, candidate);
        bool found = point_at(y, &point);
        eighth = found ? point_multiply(order, point) : point_new();
        point_free(point);
        if (found) {
            doubled = point_add(eighth, eighth);
            again = point_add(doubled, doubled);
            bool whole = BN_is_zero(again.x) && !BN_is_one(again.y);
            point_free(doubled);
            point_free(again);
            if (whole)
                break;
        }
        point_free(eighth);
    }
    BN_free(y);
}

static int define_curve(void **state)
{
    BIGNUM *value = BN_new();

    (void)state;
    context = BN_CTX_new();
    prime = BN_new();
    order = BN_new();
    d = BN_new();
    BN_set_bit(prime, 255);
    BN_sub_word(prime, 19);
    assert_true(BN_dec2bn(&order, "27742317777372353535851937790883648493"));
    BN_set_bit(order, 252);
    /* d = -121665 / 121666, and the generator's y = 4 / 5, with the x that is even. */
    BN_set_word(value, 121666);
    BN_set_word(d, 121665);
    BN_sub(d, prime, d);
    divide(d, d, value);
    struct point at = point_new();
    BN_set_word(value, 5);
    BN_set_word(at.y, 4);
    divide(at.y, at.y, value);
    assert_true(point_at(at.y, &base));
    if (BN_is_odd(base.x))
        BN_sub(base.x, prime, base.x);
    point_free(at);
    find_eighth();
    BN_free(value);
    return fixture_enter(state);
}

static int forget_curve(void **state)
{
    point_free(base);
    point_free(eighth);
    BN_free(prime);
    BN_free(order);
    BN_free(d);
    BN_CTX_free(context);
    return fixture_leave(state);
}

/* The hash of R, A and the message, modulo the order: RFC 8032, section 5.1.7. */
static BIGNUM *challenge(const uint8_t r[SIZE], const uint8_t a[SIZE], const char *message)
{
    uint8_t digest[64];
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    EVP_DigestInit_ex(md, EVP_sha512(), NULL);
    EVP_DigestUpdate(md, r, SIZE);
    EVP_DigestUpdate(md, a, SIZE);
    EVP_DigestUpdate(md, message, strlen(message));
    EVP_DigestFinal_ex(md, digest, NULL);
    EVP_MD_CTX_free(md);
    BIGNUM *value = BN_lebin2bn(digest, sizeof(digest), NULL);
    BN_mod(value, value, order, context);
    return value;
}

/* Signs with a secret scalar and a nonce, for keys and first halves of any bytes. */
static void sign(const BIGNUM *secret, const BIGNUM *nonce, const uint8_t a[SIZE], const uint8_t r[SIZE],
                 const char *message, uint8_t signature[HF_SIGNATURE_SIZE])
{
    BIGNUM *value = challenge(r, a, message);

    BN_mod_mul(value, value, secret, order, context);
    BN_mod_add(value, value, nonce, order, context);
    memcpy(signature, r, SIZE);
    assert_int_equal(BN_bn2lebinpad(value, signature + SIZE, SIZE), SIZE);
    BN_free(value);
}

static struct hf_public_key key_of(const uint8_t bytes[SIZE])
{
    struct hf_public_key key = {{0}, {0}};

    memcpy(key.bytes, bytes, SIZE);
    return key;
}

/* What libcrypto says by itself. */
static bool libcrypto_accepts(const uint8_t a[SIZE], const char *message, const uint8_t signature[HF_SIGNATURE_SIZE])
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, a, SIZE);
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    bool accepted = EVP_DigestVerifyInit(md, NULL, NULL, NULL, pkey) == 1 &&
                    EVP_DigestVerify(md, signature, HF_SIGNATURE_SIZE, (const uint8_t *)message, strlen(message)) == 1;
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(pkey);
    return accepted;
}

static int verify(const uint8_t a[SIZE], const char *message, const uint8_t signature[HF_SIGNATURE_SIZE],
                  struct hotfix_error *err)
{
    struct hf_public_key key = key_of(a);

    return hf_public_key_verify(&key, message, strlen(message), signature, err);
}

/* The key as a PEM file would hold it. */
static char *pem_of(const uint8_t bytes[SIZE])
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, SIZE);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
    long size = BIO_get_mem_data(bio, &text);
    text = strndup(text, (size_t)size);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return text;
}

/* The key is refused where it is read, by itself and in a trust store, and where it would verify. */
static void refuse_key(const uint8_t bytes[SIZE], const char *message)
{
    static const uint8_t any[HF_SIGNATURE_SIZE] = {3};
    struct hf_public_key key;
    struct hf_trust trust;
    char *pem = pem_of(bytes);

    assert_refused(hf_public_key_parse(pem, strlen(pem), "x.pub", &key, ERR), HOTFIX_TRUST, message);
    assert_non_null(strstr(ERR->message, "x.pub: "));
    fixture_write(fixture_path("weak.pub"), pem, strlen(pem), 0644);
    assert_refused(hf_trust_read(fixture_path("weak.pub"), &trust, ERR), HOTFIX_TRUST, message);
    assert_refused(verify(bytes, "message", any, ERR), HOTFIX_SIGNATURE, message);
    free(pem);
}

static void keys_of_small_order_are_refused(void **state)
{
    struct point point = point_new();
    uint8_t bytes[SIZE];

    (void)state;
    BN_one(point.y);
    for (int i = 0; i < 8; i++) {
        encode(point, bytes);
        refuse_key(bytes, "a point of small order");
        /* The other sign: of the same order, or of an x that is zero and has none. */
        bytes[SIZE - 1] ^= 0x80;
        refuse_key(bytes, "a point of small order");
        struct point next = point_add(point, eighth);
        point_free(point);
        point = next;
    }
    assert_true(BN_is_zero(point.x) && BN_is_one(point.y));
    point_free(point);
}

/* Why it matters: with the neutral element as key and R = s B, libcrypto takes the signature for any message. */
static void a_signature_that_holds_for_every_message_is_refused(void **state)
{
    uint8_t neutral[SIZE] = {1}, signature[HF_SIGNATURE_SIZE] = {0};
    BIGNUM *scalar = BN_new();

    (void)state;
    BN_set_word(scalar, 4711);
    struct point r = point_multiply(scalar, base);
    encode(r, signature);
    BN_bn2lebinpad(scalar, signature + SIZE, SIZE);
    assert_true(libcrypto_accepts(neutral, "one message", signature));
    assert_true(libcrypto_accepts(neutral, "and another", signature));
    assert_refused(verify(neutral, "one message", signature, ERR), HOTFIX_SIGNATURE, "anybody could sign");
    assert_refused(verify(neutral, "and another", signature, ERR), HOTFIX_SIGNATURE, "anybody could sign");
    point_free(r);
    BN_free(scalar);
}

static void keys_that_are_not_canonical_are_refused(void **state)
{
    uint8_t bytes[SIZE];

    (void)state;
    memset(bytes, 0xff, sizeof(bytes));
    for (int low = 0xed; low < 0x100; low++)
        for (int sign = 0; sign < 2; sign++) {
            bytes[0] = (uint8_t)low;
            bytes[SIZE - 1] = sign ? 0xff : 0x7f;
            refuse_key(bytes, "not in its canonical form");
        }
}

/* The neighbours of what is refused are not: each byte of an encoding counts. */
static void encodings_just_below_the_limit_are_canonical(void **state)
{
    uint8_t bytes[SIZE];

    (void)state;
    memset(bytes, 0xff, sizeof(bytes));
    bytes[0] = 0xeb;
    bytes[SIZE - 1] = 0x7f;
    assert_null(hf_point_fault(bytes));
    for (int i = 1; i < SIZE; i++) {
        memset(bytes, 0xff, sizeof(bytes));
        bytes[SIZE - 1] = 0x7f;
        bytes[i] ^= 1;
        assert_null(hf_point_fault(bytes));
    }
    memset(bytes, 0, sizeof(bytes));
    bytes[0] = 2;
    assert_null(hf_point_fault(bytes));
}

/* A key pair whose scalars are known here; a is the key's encoding, r that of the nonce's point. */
struct pair {
    BIGNUM *secret, *nonce;
    struct point key, first;
    uint8_t a[SIZE], r[SIZE];
};

static struct pair pair_new(void)
{
    struct pair pair = {.secret = BN_new(), .nonce = BN_new()};

    BN_rand_range(pair.secret, order);
    BN_rand_range(pair.nonce, order);
    pair.key = point_multiply(pair.secret, base);
    pair.first = point_multiply(pair.nonce, base);
    encode(pair.key, pair.a);
    encode(pair.first, pair.r);
    return pair;
}

static void pair_free(struct pair *pair)
{
    BN_free(pair->secret);
    BN_free(pair->nonce);
    point_free(pair->key);
    point_free(pair->first);
}

static void signatures_computed_here_verify(void **state)
{
    struct pair pair = pair_new();
    uint8_t signature[HF_SIGNATURE_SIZE];

    (void)state;
    sign(pair.secret, pair.nonce, pair.a, pair.r, "message", signature);
    assert_done(verify(pair.a, "message", signature, ERR));
    assert_refused(verify(pair.a, "massage", signature, ERR), HOTFIX_SIGNATURE, "does not verify");
    pair_free(&pair);
}

/* S + n L satisfies the equation as S does: were it taken, a signature could be changed without the key. */
static void a_second_half_of_the_order_or_more_is_refused(void **state)
{
    struct pair pair = pair_new();
    uint8_t signature[HF_SIGNATURE_SIZE];

    (void)state;
    sign(pair.secret, pair.nonce, pair.a, pair.r, "message", signature);
    BIGNUM *second = BN_lebin2bn(signature + SIZE, SIZE, NULL);
    for (;;) {
        BN_add(second, second, order);
        if (BN_num_bits(second) > 8 * SIZE)
            break;
        BN_bn2lebinpad(second, signature + SIZE, SIZE);
        assert_refused(verify(pair.a, "message", signature, ERR), HOTFIX_SIGNATURE, "does not verify");
    }
    BN_free(second);
    for (int bit = 5; bit < 8; bit++) {
        sign(pair.secret, pair.nonce, pair.a, pair.r, "message", signature);
        signature[HF_SIGNATURE_SIZE - 1] |= (uint8_t)(1u << bit);
        assert_refused(verify(pair.a, "message", signature, ERR), HOTFIX_SIGNATURE, "does not verify");
    }
    pair_free(&pair);
}

/* S = 0 and S = L with R = -k A: whoever has the key could make the first; nobody else. */
static void a_second_half_of_nothing_is_refused(void **state)
{
    struct pair pair = pair_new();
    uint8_t signature[HF_SIGNATURE_SIZE] = {0};

    (void)state;
    memcpy(signature, pair.r, SIZE);
    assert_refused(verify(pair.a, "message", signature, ERR), HOTFIX_SIGNATURE, "does not verify");
    BN_bn2lebinpad(order, signature + SIZE, SIZE);
    assert_refused(verify(pair.a, "message", signature, ERR), HOTFIX_SIGNATURE, "does not verify");
    memset(signature, 0, sizeof(signature));
    assert_refused(verify(pair.a, "message", signature, ERR), HOTFIX_SIGNATURE, "small order");
    memset(signature, 0xff, sizeof(signature));
    assert_refused(verify(pair.a, "message", signature, ERR), HOTFIX_SIGNATURE, "canonical");
    pair_free(&pair);
}

/* libcrypto takes S = k a with R the neutral element; an honest nonce is never zero, and this gives the key away. */
static void a_first_half_of_small_order_is_refused(void **state)
{
    struct pair pair = pair_new();
    uint8_t neutral[SIZE] = {1}, signature[HF_SIGNATURE_SIZE], r[SIZE];
    struct point point = point_new();

    (void)state;
    BN_zero(pair.nonce);
    sign(pair.secret, pair.nonce, pair.a, neutral, "message", signature);
    assert_true(libcrypto_accepts(pair.a, "message", signature));
    assert_refused(verify(pair.a, "message", signature, ERR), HOTFIX_SIGNATURE, "small order");
    /* The equation with the cofactor would hold for the seven others, too. */
    BN_one(point.y);
    for (int i = 1; i < 8; i++) {
        struct point next = point_add(point, eighth);
        point_free(point);
        point = next;
        encode(point, r);
        sign(pair.secret, pair.nonce, pair.a, r, "message", signature);
        assert_refused(verify(pair.a, "message", signature, ERR), HOTFIX_SIGNATURE, "small order");
    }
    point_free(point);
    pair_free(&pair);
}

/* y = 1 spelled 2^255 - 18, and every other value that has two spellings, whether or not a point has it. */
static void a_first_half_that_is_not_canonical_is_refused(void **state)
{
    struct pair pair = pair_new();
    uint8_t signature[HF_SIGNATURE_SIZE], r[SIZE];

    (void)state;
    BN_zero(pair.nonce);
    for (int low = 0xed; low < 0x100; low++) {
        memset(r, 0xff, sizeof(r));
        r[0] = (uint8_t)low;
        r[SIZE - 1] = 0x7f;
        sign(pair.secret, pair.nonce, pair.a, r, "message", signature);
        assert_refused(verify(pair.a, "message", signature, ERR), HOTFIX_SIGNATURE, "canonical");
        assert_false(libcrypto_accepts(pair.a, "message", signature));
    }
    pair_free(&pair);
}

/* R + T: the equation with the cofactor holds, the one without does not. Two verifiers must not disagree about it. */
static void a_first_half_of_mixed_order_is_refused(void **state)
{
    struct pair pair = pair_new();
    uint8_t signature[HF_SIGNATURE_SIZE], r[SIZE];

    (void)state;
    struct point mixed = point_add(pair.first, eighth);
    encode(mixed, r);
    sign(pair.secret, pair.nonce, pair.a, r, "message", signature);
    assert_refused(verify(pair.a, "message", signature, ERR), HOTFIX_SIGNATURE, "does not verify");
    point_free(mixed);
    pair_free(&pair);
}

/* A + T: only who knows the secret scalar can sign, and only where the challenge is a multiple of eight does the
 * equation without the cofactor hold. */
static void by_a_key_of_mixed_order_only_the_exact_equation_counts(void **state)
{
    struct pair pair = pair_new();
    uint8_t signature[HF_SIGNATURE_SIZE], a[SIZE];
    char message[32];
    int held = 0;

    (void)state;
    struct point mixed = point_add(pair.key, eighth);
    encode(mixed, a);
    for (int i = 0; i < 1000 && held < 2; i++) {
        snprintf(message, sizeof(message), "message %d", i);
        sign(pair.secret, pair.nonce, a, pair.r, message, signature);
        BIGNUM *k = challenge(pair.r, a, message);
        bool multiple = BN_mod_word(k, 8) == 0;
        BN_free(k);
        held += multiple;
        assert_int_equal(verify(a, message, signature, ERR), multiple ? 0 : -1);
    }
    assert_true(held > 0);
    point_free(mixed);
    pair_free(&pair);
}

/* The key as it is read: refused, and by whom. */
static void refuse_reading(const uint8_t bytes[SIZE])
{
    struct hf_public_key key;
    char *pem = pem_of(bytes);

    assert_null(hf_point_fault(bytes));
    assert_refused(hf_public_key_parse(pem, strlen(pem), "x.pub", &key, ERR), HOTFIX_TRUST,
                   "x.pub: the public key is a point outside of the group of prime order");
    free(pem);
}

/* One private key would count as two: the one before shows that who has it can sign for both. */
static void keys_of_mixed_order_are_refused_where_they_are_read(void **state)
{
    struct pair pair = pair_new();
    struct hf_public_key key;
    struct point mixed = point_new();
    uint8_t bytes[SIZE];

    (void)state;
    BN_copy(mixed.x, pair.key.x);
    BN_copy(mixed.y, pair.key.y);
    for (int i = 0; i < 8; i++) {
        encode(mixed, bytes);
        if (i > 0)
            refuse_reading(bytes);
        struct point next = point_add(mixed, eighth);
        point_free(mixed);
        mixed = next;
    }
    /* And what is refused of none that honest pairs have, and their opposites. */
    encode(mixed, bytes);
    for (int i = 0; i < 2; i++) {
        char *pem = pem_of(bytes);
        assert_done(hf_public_key_parse(pem, strlen(pem), "x.pub", &key, ERR));
        free(pem);
        bytes[SIZE - 1] ^= 0x80;
    }
    point_free(mixed);
    pair_free(&pair);
}

static void multiples_of_the_generator_are_of_its_order(void **state)
{
    uint8_t bytes[SIZE];
    BIGNUM *factor = BN_new();

    (void)state;
    for (unsigned long i = 0; i < 40; i++) {
        const char *fault = "none was looked for";
        if (i < 20)
            BN_set_word(factor, i + 1);
        else
            BN_sub(factor, order, BN_value_one()), BN_sub_word(factor, i - 20);
        struct point point = point_multiply(factor, base);
        encode(point, bytes);
        assert_done(hf_point_order_fault(bytes, &fault, ERR));
        assert_null(fault);
        point_free(point);
    }
    BN_free(factor);
}

/* About half of all values of y belong to no point. */
static void by_a_key_that_is_no_point_nothing_verifies(void **state)
{
    struct pair pair = pair_new();
    uint8_t signature[HF_SIGNATURE_SIZE], a[SIZE];
    BIGNUM *y = BN_new();
    int found = 0;

    (void)state;
    for (unsigned long candidate = 2; found < 4; candidate++) {
        struct point point;
        BN_set_word(y, candidate);
        bool on_curve = point_at(y, &point);
        point_free(point);
        if (on_curve)
            continue;
        found++;
        BN_bn2lebinpad(y, a, SIZE);
        sign(pair.secret, pair.nonce, a, pair.r, "message", signature);
        assert_refused(verify(a, "message", signature, ERR), HOTFIX_SIGNATURE, "does not verify");
        refuse_reading(a);
    }
    BN_free(y);
    pair_free(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_small_order_are_refused),
        cmocka_unit_test(a_signature_that_holds_for_every_message_is_refused),
        cmocka_unit_test(keys_that_are_not_canonical_are_refused),
        cmocka_unit_test(encodings_just_below_the_limit_are_canonical),
        cmocka_unit_test(signatures_computed_here_verify),
        cmocka_unit_test(a_second_half_of_the_order_or_more_is_refused),
        cmocka_unit_test(a_second_half_of_nothing_is_refused),
        cmocka_unit_test(a_first_half_of_small_order_is_refused),
        cmocka_unit_test(a_first_half_that_is_not_canonical_is_refused),
        cmocka_unit_test(a_first_half_of_mixed_order_is_refused),
        cmocka_unit_test(by_a_key_of_mixed_order_only_the_exact_equation_counts),
        cmocka_unit_test(keys_of_mixed_order_are_refused_where_they_are_read),
        cmocka_unit_test(multiples_of_the_generator_are_of_its_order),
        cmocka_unit_test(by_a_key_that_is_no_point_nothing_verifies),
    };
    return cmocka_run_group_tests(tests, define_curve, forget_curve);
}
