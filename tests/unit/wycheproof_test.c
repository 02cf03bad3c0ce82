/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Project Wycheproof's vectors (tests/vectors/wycheproof.txt, which says where they are from). Ed25519 keys and
 * signatures are those of bundles. ECDSA and RSA signatures are made over what a CMS object says, which no vector does:
 * there it is libcrypto that is held to them, in the context in which bundles are verified.
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "digest.h"
#include "key.h"
#include "libcrypto.h"
#include "manifest_fixture.h"

#define VECTORS  "tests/vectors/wycheproof.txt"
#define BYTES    2048
#define LINE     (4 * BYTES)
#define EXPECTED 1267 /* signatures in the file */

/* Bytes of a vector. */
struct bytes {
    uint8_t data[BYTES];
    size_t size;
};

/* The key that the signatures which follow are held against. */
struct verifier {
    struct hf_public_key edwards; /* where digest is NULL */
    EVP_PKEY *key;
    const EVP_MD *digest;
};

static struct bytes decode(const char *text)
{
    struct bytes bytes = {.size = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2};

    assert_true(bytes.size <= BYTES);
    if (bytes.size > 0)
        assert_int_equal(hf_hex_decode(text, bytes.data, bytes.size), 0);
    return bytes;
}

/* The key as a file of a trust store holds it. */
static void take_edwards(EVP_PKEY *key, struct hf_public_key *edwards)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;

    assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
    long size = BIO_get_mem_data(bio, &pem);
    assert_done(hf_public_key_parse(pem, (size_t)size, "vector", edwards, ERR));
    BIO_free(bio);
}

static void take_key(const char *kind, const char *der, struct verifier *verifier)
{
    struct bytes bytes = decode(der);
    const unsigned char *at = bytes.data;

    EVP_PKEY_free(verifier->key);
    verifier->key = d2i_PUBKEY_ex(NULL, &at, (long)bytes.size, hf_libcrypto(ERR), NULL);
    assert_non_null(verifier->key);
    verifier->digest = strcmp(kind, "sha256") == 0   ? EVP_sha256()
                       : strcmp(kind, "sha384") == 0 ? EVP_sha384()
                       : strcmp(kind, "sha512") == 0 ? EVP_sha512()
                                                     : NULL;
    if (!verifier->digest)
        take_edwards(verifier->key, &verifier->edwards);
}

static bool verifies(const struct verifier *verifier, const struct bytes *message, const struct bytes *signature)
{
    /* Entries of another size are refused before anything is verified. */
    if (!verifier->digest)
        return signature->size == HF_SIGNATURE_SIZE &&
               hf_public_key_verify(&verifier->edwards, message->data, message->size, signature->data, ERR) == 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = EVP_DigestVerifyInit_ex(context, NULL, EVP_MD_get0_name(verifier->digest), hf_libcrypto(ERR), NULL,
                                        verifier->key, NULL) == 1 &&
                EVP_DigestVerify(context, signature->data, signature->size, message->data, message->size) == 1;
    EVP_MD_CTX_free(context);
    return done;
}

static void every_vector_has_the_verdict_that_it_should(void **state)
{
    static char line[LINE], word[16], first[LINE], second[LINE];
    FILE *file = fopen(VECTORS, "re");
    struct verifier verifier = {.key = NULL};
    int count = 0;

    (void)state;
    assert_non_null(file);
    for (int number = 1; fgets(line, sizeof(line), file); number++) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        assert_int_equal(sscanf(line, "%15s %8191s %8191s", word, first, second), 3);
        if (strcmp(word, "key") == 0) {
            take_key(first, second, &verifier);
            continue;
        }
        struct bytes message = decode(first), signature = decode(second);
        if (verifies(&verifier, &message, &signature) != (strcmp(word, "valid") == 0))
            fail_msg(VECTORS " line %d: the signature is %s", number, word);
        count++;
    }
    EVP_PKEY_free(verifier.key);
    fclose(file);
    assert_int_equal(count, EXPECTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_has_the_verdict_that_it_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
