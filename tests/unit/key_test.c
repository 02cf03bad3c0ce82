/* SPDX-License-Identifier: Apache-2.0 */
#include "key.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "digest.h"
#include "file.h"
#include "manifest_fixture.h"

/* RFC 8032, section 7.1, test 1: the key pair and its signature over no bytes. */
static const char vector_private[] = "-----BEGIN PRIVATE KEY-----\n"
                                     "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                                     "-----END PRIVATE KEY-----\n";
static const char vector_public[] = "-----BEGIN PUBLIC KEY-----\n"
                                    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                                    "-----END PUBLIC KEY-----\n";
static const char vector_signature[] = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                                       "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";

static struct hf_private_key *key;

static int ask_right(char *buffer, size_t size, void *arg)
{
    assert_true(size >= 6);
    memcpy(buffer, "secret", 6);
    ++*(int *)arg;
    return 6;
}

static int ask_wrong(char *buffer, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    memcpy(buffer, "guess", 5);
    return 5;
}

static int ask_none(char *buffer, size_t size, void *arg)
{
    (void)buffer;
    (void)size;
    (void)arg;
    return -1;
}

static void a_private_key_open_to_others_is_refused(void **state)
{
    static const mode_t modes[] = {0640, 0620, 0610, 0604, 0602, 0601, 0666, 0444};

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        fixture_write(fixture_path("open.key"), vector_private, strlen(vector_private), modes[i]);
        assert_refused(hf_private_key_read(fixture_path("open.key"), NULL, NULL, &key, ERR), HOTFIX_TRUST, "chmod 600");
        assert_non_null(strstr(ERR->message, "open.key"));
    }
}

static void a_private_key_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    assert_refused(hf_private_key_read(fixture_path("none.key"), NULL, NULL, &key, ERR), HOTFIX_IO,
                   "none.key: cannot be opened: No such file or directory");
    assert_refused(hf_private_key_read(fixture_directory, NULL, NULL, &key, ERR), HOTFIX_IO, "is not a regular file");
}

static void refuse_text(const char *text, size_t size, const char *message)
{
    fixture_write(fixture_path("bad.key"), text, size, 0600);
    assert_refused(hf_private_key_read(fixture_path("bad.key"), NULL, NULL, &key, ERR), HOTFIX_TRUST, message);
}

static void what_is_no_private_key_is_refused(void **state)
{
    (void)state;
    refuse_text("", 0, "holds no PEM private key");
    refuse_text("garbage\n", 8, "holds no PEM private key");
    refuse_text(vector_public, strlen(vector_public), "holds no PEM private key");
    for (size_t size = 0; size < strlen(vector_private) - 2; size += 5)
        refuse_text(vector_private, size, "holds no PEM private key");
}

/* The PEM text of a new key of another type; private or public. */
static char *foreign_key(const char *type, const char *parameter, int private_part)
{
    EVP_PKEY *pkey = parameter ? EVP_PKEY_Q_keygen(NULL, NULL, type, parameter) : EVP_PKEY_Q_keygen(NULL, NULL, type);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    assert_non_null(pkey);
    int written = private_part ? PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL)
                               : PEM_write_bio_PUBKEY(bio, pkey);
    assert_int_equal(written, 1);
    long size = BIO_get_mem_data(bio, &text);
    char *copy = strndup(text, (size_t)size);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return copy;
}

static void keys_of_other_types_are_refused(void **state)
{
    static const struct {
        const char *type;
        const char *parameter;
    } types[] = {{"EC", "P-256"}, {"X25519", NULL}, {"ED448", NULL}};
    struct hf_public_key public_key;

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        char *text = foreign_key(types[i].type, types[i].parameter, 1);
        refuse_text(text, strlen(text), "is not an Ed25519 key");
        free(text);
        text = foreign_key(types[i].type, types[i].parameter, 0);
        assert_refused(hf_public_key_parse(text, strlen(text), "x.pub", &public_key, ERR), HOTFIX_TRUST,
                       "x.pub: is not an Ed25519 key");
        free(text);
    }
}

/* Keys of certificates are of any type, and held to the same. */
static void a_key_of_any_type_is_read_as_carefully(void **state)
{
    char *text = foreign_key("EC", "P-256", 1);
    const char *path = fixture_path("any.key");
    uint8_t signature[HF_SIGNATURE_SIZE];

    (void)state;
    assert_refused(hf_private_key_read_any(fixture_path("none.key"), NULL, NULL, &key, ERR), HOTFIX_IO,
                   "cannot be opened");
    fixture_write(path, text, strlen(text), 0640);
    assert_refused(hf_private_key_read_any(path, NULL, NULL, &key, ERR), HOTFIX_TRUST, "is open to other users");
    fixture_write(path, "garbage\n", 8, 0600);
    assert_refused(hf_private_key_read_any(path, NULL, NULL, &key, ERR), HOTFIX_TRUST, "holds no PEM private key");
    fixture_write(path, text, strlen(text), 0600);
    assert_done(hf_private_key_read_any(path, NULL, NULL, &key, ERR));
    /* It makes no signature that a bundle without certificates could hold. */
    assert_refused(hf_private_key_sign(key, "message", 7, signature, ERR), HOTFIX_INTERNAL, "cannot sign");
    hf_private_key_destroy(key);
    key = NULL;
    free(text);
}

static void what_is_not_one_public_key_is_refused(void **state)
{
    char twice[2 * sizeof(vector_public)];
    struct hf_public_key public_key;

    (void)state;
    snprintf(twice, sizeof(twice), "%s%s", vector_public, vector_public);
    assert_refused(hf_public_key_parse(twice, strlen(twice), "x.pub", &public_key, ERR), HOTFIX_TRUST,
                   "more than one public key");
    assert_refused(hf_public_key_parse(vector_private, strlen(vector_private), "x.pub", &public_key, ERR), HOTFIX_TRUST,
                   "holds no PEM public key");
    assert_refused(hf_public_key_parse("", 0, "x.pub", &public_key, ERR), HOTFIX_TRUST, "holds no PEM public key");
    char *big = calloc(1, 20000);
    assert_refused(hf_public_key_parse(big, 20000, "x.pub", &public_key, ERR), HOTFIX_TRUST, "too many");
    free(big);
    for (size_t size = 0; size < strlen(vector_public) - 2; size++)
        assert_refused(hf_public_key_parse(vector_public, size, "x.pub", &public_key, ERR), HOTFIX_TRUST, "x.pub");
}

static void an_encrypted_key_needs_its_passphrase(void **state)
{
    struct hf_public_key before, after;
    int asked = 0;

    (void)state;
    assert_done(hf_private_key_generate(&key, ERR));
    assert_done(hf_private_key_public(key, &before, ERR));
    assert_done(hf_private_key_write(key, fixture_path("locked.key"), "secret", ERR));
    hf_private_key_destroy(key);
    const char *path = fixture_path("locked.key");
    assert_refused(hf_private_key_read(path, NULL, NULL, &key, ERR), HOTFIX_TRUST, "passphrase is missing");
    assert_refused(hf_private_key_read(path, ask_none, NULL, &key, ERR), HOTFIX_TRUST, "wrong or missing");
    assert_refused(hf_private_key_read(path, ask_wrong, NULL, &key, ERR), HOTFIX_TRUST, "wrong or missing");
    assert_done(hf_private_key_read(path, ask_right, &asked, &key, ERR));
    assert_int_equal(asked, 1);
    assert_done(hf_private_key_public(key, &after, ERR));
    assert_memory_equal(&before, &after, sizeof(before));
    hf_private_key_destroy(key);
}

static void existing_files_are_never_overwritten(void **state)
{
    struct hf_public_key public_key;

    (void)state;
    assert_done(hf_private_key_generate(&key, ERR));
    assert_done(hf_private_key_public(key, &public_key, ERR));
    fixture_write(fixture_path("mine"), "precious", 8, 0600);
    assert_refused(hf_private_key_write(key, fixture_path("mine"), NULL, ERR), HOTFIX_IO, "File exists");
    assert_refused(hf_public_key_write(&public_key, fixture_path("mine"), ERR), HOTFIX_IO, "File exists");
    uint8_t *data;
    size_t size;
    assert_done(hf_file_read(fixture_path("mine"), 100, &data, &size, ERR));
    assert_string_equal(data, "precious");
    free(data);
    hf_private_key_destroy(key);
}

static void key_files_have_their_modes_and_read_back(void **state)
{
    struct hf_public_key public_key, again;
    struct stat status;
    uint8_t *pem;
    size_t size;

    (void)state;
    assert_done(hf_private_key_generate(&key, ERR));
    assert_done(hf_private_key_public(key, &public_key, ERR));
    assert_done(hf_private_key_write(key, fixture_path("new.key"), NULL, ERR));
    assert_done(hf_public_key_write(&public_key, fixture_path("new.pub"), ERR));
    hf_private_key_destroy(key);
    assert_int_equal(stat(fixture_path("new.key"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(stat(fixture_path("new.pub"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
    assert_done(hf_private_key_read(fixture_path("new.key"), NULL, NULL, &key, ERR));
    assert_done(hf_private_key_public(key, &again, ERR));
    assert_memory_equal(&public_key, &again, sizeof(again));
    assert_done(hf_file_read(fixture_path("new.pub"), 1000, &pem, &size, ERR));
    assert_done(hf_public_key_parse(pem, size, "new.pub", &again, ERR));
    assert_memory_equal(&public_key, &again, sizeof(again));
    free(pem);
    hf_private_key_destroy(key);
    hf_private_key_destroy(NULL);
}

static void any_other_byte_makes_a_signature_fail(void **state)
{
    struct hf_public_key public_key, other;
    uint8_t signature[HF_SIGNATURE_SIZE];
    char message[] = "message";

    (void)state;
    assert_done(hf_private_key_generate(&key, ERR));
    assert_done(hf_private_key_public(key, &public_key, ERR));
    assert_done(hf_private_key_sign(key, message, sizeof(message), signature, ERR));
    assert_done(hf_public_key_verify(&public_key, message, sizeof(message), signature, ERR));
    for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_refused(hf_public_key_verify(&public_key, message, sizeof(message), signature, ERR), HOTFIX_SIGNATURE,
                       "does not verify");
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    message[3] ^= 1;
    assert_refused(hf_public_key_verify(&public_key, message, sizeof(message), signature, ERR), HOTFIX_SIGNATURE, "");
    message[3] ^= 1;
    assert_refused(hf_public_key_verify(&public_key, message, sizeof(message) - 1, signature, ERR), HOTFIX_SIGNATURE,
                   "");
    hf_private_key_destroy(key);
    assert_done(hf_private_key_generate(&key, ERR));
    assert_done(hf_private_key_public(key, &other, ERR));
    assert_refused(hf_public_key_verify(&other, message, sizeof(message), signature, ERR), HOTFIX_SIGNATURE, "");
    hf_private_key_destroy(key);
}

static void signatures_are_those_of_the_standard(void **state)
{
    uint8_t expected[HF_SIGNATURE_SIZE], signature[HF_SIGNATURE_SIZE];
    struct hf_public_key public_key, derived;
    struct hf_digest digest;

    (void)state;
    assert_int_equal(hf_hex_decode(vector_signature, expected, sizeof(expected)), 0);
    fixture_write(fixture_path("vector.key"), vector_private, strlen(vector_private), 0600);
    assert_done(hf_private_key_read(fixture_path("vector.key"), NULL, NULL, &key, ERR));
    assert_done(hf_private_key_sign(key, "", 0, signature, ERR));
    assert_memory_equal(signature, expected, sizeof(expected));
    assert_done(hf_public_key_parse(vector_public, strlen(vector_public), "vector", &public_key, ERR));
    assert_done(hf_public_key_verify(&public_key, "", 0, signature, ERR));
    assert_done(hf_private_key_public(key, &derived, ERR));
    assert_memory_equal(&public_key, &derived, sizeof(derived));
    assert_done(hf_digest_compute(public_key.bytes, sizeof(public_key.bytes), &digest, ERR));
    assert_memory_equal(public_key.id, digest.bytes, HF_KEY_ID_SIZE);
    hf_private_key_destroy(key);
}

static void the_error_queue_of_the_host_program_stays_as_it_was(void **state)
{
    struct hf_public_key public_key;
    uint8_t signature[HF_SIGNATURE_SIZE] = {0};

    (void)state;
    ERR_clear_error();
    hf_public_key_parse("garbage", 7, "x", &public_key, NULL);
    refuse_text("garbage\n", 8, "holds no PEM private key");
    hf_public_key_parse(vector_public, strlen(vector_public), "x", &public_key, NULL);
    hf_public_key_verify(&public_key, "", 0, signature, NULL);
    assert_int_equal(ERR_peek_error(), 0);
    ERR_raise(ERR_LIB_USER, 7);
    unsigned long theirs = ERR_peek_last_error();
    hf_public_key_parse("garbage", 7, "x", &public_key, NULL);
    hf_public_key_verify(&public_key, "", 0, signature, NULL);
    assert_true(ERR_peek_last_error() == theirs);
    assert_true(ERR_get_error() == theirs);
    assert_int_equal(ERR_get_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_private_key_open_to_others_is_refused),
        cmocka_unit_test(a_private_key_that_cannot_be_read_is_named),
        cmocka_unit_test(what_is_no_private_key_is_refused),
        cmocka_unit_test(keys_of_other_types_are_refused),
        cmocka_unit_test(a_key_of_any_type_is_read_as_carefully),
        cmocka_unit_test(what_is_not_one_public_key_is_refused),
        cmocka_unit_test(an_encrypted_key_needs_its_passphrase),
        cmocka_unit_test(existing_files_are_never_overwritten),
        cmocka_unit_test(key_files_have_their_modes_and_read_back),
        cmocka_unit_test(any_other_byte_makes_a_signature_fail),
        cmocka_unit_test(signatures_are_those_of_the_standard),
        cmocka_unit_test(the_error_queue_of_the_host_program_stays_as_it_was),
    };
    return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
