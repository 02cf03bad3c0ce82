/* SPDX-License-Identifier: Apache-2.0 */
#include "pointorder.h"

#include <openssl/bn.h>
#include <stdbool.h>
#include <string.h>

#include "error.h"
#include "libcrypto.h"

#define SIGN_BIT 0x80

/* The field's prime, 2^255 - 19, and the order of the generator (RFC 8032, section 5.1). */
static const char prime_text[] = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";
static const char a24_text[] = "01db41"; /* (A - 2) / 4 of curve25519 */
static const char order_text[] = "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed";

/* A point by its first coordinate alone, as x / z: the neutral one has no z. */
struct point {
    BIGNUM *x, *z;
};

/* The numbers of one calculation, in Montgomery's form where they are multiplied; the context owns them. */
struct ladder {
    BN_CTX *context;
    BN_MONT_CTX *form; /* owned */
    BIGNUM *prime, *order, *a24, *difference;
    struct point low, high; /* which differ by that much */
    BIGNUM *a, *b, *c, *d;
};

static bool ladder_init(struct ladder *ladder, BN_CTX *context)
{
    BIGNUM **const numbers[] = {&ladder->prime, &ladder->order, &ladder->a24,    &ladder->difference,
                                &ladder->low.x, &ladder->low.z, &ladder->high.x, &ladder->high.z,
                                &ladder->a,     &ladder->b,     &ladder->c,      &ladder->d};

    ladder->context = context;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (!(*numbers[i] = BN_CTX_get(context)))
            return false;
    ladder->form = BN_MONT_CTX_new();
    return ladder->form && BN_hex2bn(&ladder->prime, prime_text) && BN_hex2bn(&ladder->order, order_text) &&
           BN_hex2bn(&ladder->a24, a24_text) && BN_MONT_CTX_set(ladder->form, ladder->prime, context) &&
           BN_to_montgomery(ladder->a24, ladder->a24, ladder->form, context);
}

static bool multiply(const struct ladder *ladder, BIGNUM *to, const BIGNUM *one, const BIGNUM *other)
{
    return BN_mod_mul_montgomery(to, one, other, ladder->form, ladder->context) == 1;
}

static bool square(const struct ladder *ladder, BIGNUM *to, const BIGNUM *number)
{
    return multiply(ladder, to, number, number);
}

/* low and high become twice low and their sum (RFC 7748, section 5). */
static bool step(const struct ladder *ladder, const struct point *low, const struct point *high)
{
    const BIGNUM *prime = ladder->prime;
    BIGNUM *a = ladder->a, *b = ladder->b, *c = ladder->c, *d = ladder->d;

    return BN_mod_add_quick(a, low->x, low->z, prime) && BN_mod_sub_quick(b, low->x, low->z, prime) &&
           BN_mod_add_quick(c, high->x, high->z, prime) && BN_mod_sub_quick(d, high->x, high->z, prime) &&
           multiply(ladder, d, d, a) && multiply(ladder, c, c, b) && BN_mod_add_quick(high->x, d, c, prime) &&
           square(ladder, high->x, high->x) && BN_mod_sub_quick(d, d, c, prime) && square(ladder, d, d) &&
           multiply(ladder, high->z, ladder->difference, d) && square(ladder, a, a) && square(ladder, b, b) &&
           multiply(ladder, low->x, a, b) && BN_mod_sub_quick(c, a, b, prime) && multiply(ladder, d, c, ladder->a24) &&
           BN_mod_add_quick(d, d, a, prime) && multiply(ladder, low->z, c, d);
}

/* The first coordinate on curve25519 of a point of the Edwards curve: (1 + y) / (1 - y). */
static bool convert(const struct ladder *ladder, const uint8_t bytes[HF_POINT_SIZE])
{
    uint8_t y[HF_POINT_SIZE];
    BIGNUM *above = ladder->a, *below = ladder->b;

    memcpy(y, bytes, sizeof(y));
    y[HF_POINT_SIZE - 1] &= (uint8_t)~SIGN_BIT;
    return BN_lebin2bn(y, sizeof(y), above) && BN_sub(below, BN_value_one(), above) &&
           BN_nnmod(below, below, ladder->prime, ladder->context) && BN_add_word(above, 1) &&
           BN_mod_inverse(below, below, ladder->prime, ladder->context) &&
           BN_mod_mul(above, above, below, ladder->prime, ladder->context) &&
           BN_to_montgomery(ladder->difference, above, ladder->form, ladder->context);
}

/*
 * Multiplies the point by the order: the neutral element comes out of a point of that order alone. What is no point of
 * the curve is one of its twist, whose order has no such factor.
 */
static bool climb(const struct ladder *ladder)
{
    const struct point *low = &ladder->low, *high = &ladder->high;

    if (!BN_to_montgomery(low->x, BN_value_one(), ladder->form, ladder->context) || !BN_copy(high->z, low->x) ||
        !BN_copy(high->x, ladder->difference))
        return false;
    BN_zero(low->z);
    for (int bit = BN_num_bits(ladder->order) - 1; bit >= 0; bit--) {
        bool set = BN_is_bit_set(ladder->order, bit);
        if (!step(ladder, set ? high : low, set ? low : high))
            return false;
    }
    return true;
}

int hf_point_order_fault(const uint8_t bytes[HF_POINT_SIZE], const char **fault, struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    OSSL_LIB_CTX *library = hf_libcrypto(err);
    if (!library)
        return -1;
    BN_CTX *context = BN_CTX_new_ex(library);
    struct ladder ladder = {.form = NULL};

    if (context)
        BN_CTX_start(context);
    bool done = context && ladder_init(&ladder, context) && convert(&ladder, bytes) && climb(&ladder);
    if (done)
        *fault = BN_is_zero(ladder.low.z) ? NULL : "a point outside of the group of prime order";
    BN_MONT_CTX_free(ladder.form);
    if (context)
        BN_CTX_end(context);
    BN_CTX_free(context);
    return done ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory for a public key");
}
