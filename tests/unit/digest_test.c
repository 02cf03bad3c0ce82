/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include "manifest_fixture.h"

static void text_that_is_not_lower_case_hex_of_that_size_is_refused(void **state)
{
    static const char *const bad[] = {"",         "0",      "00",     "00112",  "001122f",
                                      "00112233", "0011 2", "00112G", "00112A", "0x1122"};
    const uint8_t untouched[3] = {9, 9, 9};
    uint8_t bytes[3] = {9, 9, 9};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(hf_hex_decode(bad[i], bytes, sizeof(bytes)), -1);
        assert_memory_equal(bytes, untouched, sizeof(bytes));
    }
}

static void hex_goes_both_ways(void **state)
{
    uint8_t all[256], again[256];
    char text[2 * sizeof(all) + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (uint8_t)i;
    hf_hex_encode(all, sizeof(all), text);
    assert_int_equal(strlen(text), 2 * sizeof(all));
    assert_memory_equal(text, "000102030405060708090a", 22);
    assert_int_equal(hf_hex_decode(text, again, sizeof(again)), 0);
    assert_memory_equal(all, again, sizeof(all));
    hf_hex_encode(all, 0, text);
    assert_string_equal(text, "");
    assert_int_equal(hf_hex_decode("", again, 0), 0);
}

/* FIPS 180-2, appendix B, and the empty message. */
static void digests_are_those_of_the_standard(void **state)
{
    static const struct {
        const char *message;
        const char *digest;
    } vectors[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char text[2 * HF_DIGEST_SIZE + 1];
    struct hf_digest digest;

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        assert_done(hf_digest_compute(vectors[i].message, strlen(vectors[i].message), &digest, ERR));
        hf_hex_encode(digest.bytes, sizeof(digest.bytes), text);
        assert_string_equal(text, vectors[i].digest);
    }
    assert_done(hf_digest_compute(NULL, 0, &digest, ERR));
    hf_hex_encode(digest.bytes, sizeof(digest.bytes), text);
    assert_string_equal(text, vectors[0].digest);
}

static void one_bit_makes_digests_differ(void **state)
{
    struct hf_digest a = {{0}}, b = {{0}};

    (void)state;
    assert_true(hf_digest_equal(&a, &b));
    for (size_t i = 0; i < HF_DIGEST_SIZE; i++) {
        b.bytes[i] = 1;
        assert_false(hf_digest_equal(&a, &b));
        b.bytes[i] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_that_is_not_lower_case_hex_of_that_size_is_refused),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(digests_are_those_of_the_standard),
        cmocka_unit_test(one_bit_makes_digests_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
