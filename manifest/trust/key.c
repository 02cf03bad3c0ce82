/* SPDX-License-Identifier: Apache-2.0 */
#include "key.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "digest.h"
#include "error.h"
#include "file.h"
#include "libcrypto.h"
#include "point.h"
#include "pointorder.h"

#define PEM_FILE_MAX   16384 /* bytes of a key file; an encrypted Ed25519 key has about 300 */
#define PASSPHRASE_MAX 1024

enum { SALT_SIZE = 16, SCRYPT_COST = 16384, SCRYPT_BLOCKS = 8, SCRYPT_TIMES = 5 }; /* N, r and p of RFC 7914 */

struct hf_private_key {
    EVP_PKEY *pkey;
};

int hf_private_key_take(EVP_PKEY *pkey, struct hf_private_key **key, struct hotfix_error *err)
{
    struct hf_private_key *made = malloc(sizeof(*made));

    if (!made) {
        EVP_PKEY_free(pkey);
        return hf_error(err, HOTFIX_MEMORY, "out of memory for a key");
    }
    made->pkey = pkey;
    *key = made;
    return 0;
}

int hf_private_key_generate(struct hf_private_key **key, struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    OSSL_LIB_CTX *library = hf_libcrypto(err);
    if (!library)
        return -1;
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(library, NULL, "ED25519");

    if (!pkey)
        return hf_error(err, HOTFIX_INTERNAL, "libcrypto cannot generate an Ed25519 key");
    return hf_private_key_take(pkey, key, err);
}

int hf_private_key_generate_p256(struct hf_private_key **key, struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    OSSL_LIB_CTX *library = hf_libcrypto(err);
    if (!library)
        return -1;
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(library, NULL, "EC", "P-256");

    if (!pkey)
        return hf_error(err, HOTFIX_INTERNAL, "libcrypto cannot generate a P-256 key");
    return hf_private_key_take(pkey, key, err);
}

struct asker {
    hf_passphrase_fn ask;
    void *arg;
};

static int ask_passphrase(char *buffer, int size, int writing, void *arg)
{
    const struct asker *asker = arg;

    (void)writing;
    return asker->ask ? asker->ask(buffer, (size_t)size, asker->arg) : -1;
}

/* A key that others can read is no longer a secret; one that they can write is not ours. */
static int check_private_mode(const char *path, const struct stat *status, struct hotfix_error *err)
{
    if (status->st_mode & (S_IRWXG | S_IRWXO))
        return hf_error(
            err, HOTFIX_TRUST,
            "%s: private key is open to other users (mode %04o); if they cannot have read it, chmod 600 it, "
            "else make a new one",
            path, status->st_mode & 07777);
    return 0;
}

static void cleanup_secret(uint8_t **secret)
{
    if (*secret)
        OPENSSL_cleanse(*secret, strlen((char *)*secret));
    free(*secret);
}

/* A key of whatever type. */
static int read_pkey(const char *path, hf_passphrase_fn ask, void *arg, EVP_PKEY **read, struct hotfix_error *err)
{
    __attribute__((cleanup(cleanup_secret))) uint8_t *pem = NULL;
    OSSL_LIB_CTX *library = hf_libcrypto(err);
    struct stat status;
    size_t size;

    if (!library || hf_file_read_status(path, PEM_FILE_MAX, &pem, &size, &status, err) != 0 ||
        check_private_mode(path, &status, err) != 0)
        return -1;
    struct asker asker = {ask, arg};
    HF_BIO BIO *bio = BIO_new_mem_buf(pem, (int)size);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey_ex(bio, NULL, ask_passphrase, &asker, library, NULL) : NULL;
    bool encrypted = strstr((char *)pem, "ENCRYPTED") != NULL;
    if (!pkey && encrypted)
        return hf_error(err, HOTFIX_TRUST, "%s: private key is encrypted and the passphrase is %s", path,
                        ask ? "wrong or missing" : "missing");
    if (!pkey)
        return hf_error(err, HOTFIX_TRUST, "%s: holds no PEM private key", path);
    *read = pkey;
    return 0;
}

int hf_private_key_read(const char *path, hf_passphrase_fn ask, void *arg, struct hf_private_key **key,
                        struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    HF_PKEY EVP_PKEY *pkey = NULL;

    if (read_pkey(path, ask, arg, &pkey, err) != 0)
        return -1;
    if (!EVP_PKEY_is_a(pkey, "ED25519"))
        return hf_error(err, HOTFIX_TRUST, "%s: is not an Ed25519 key; make one with hotfix keygen", path);
    return hf_private_key_take(hf_move(pkey), key, err);
}

int hf_private_key_read_any(const char *path, hf_passphrase_fn ask, void *arg, struct hf_private_key **key,
                            struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    HF_PKEY EVP_PKEY *pkey = NULL;

    if (read_pkey(path, ask, arg, &pkey, err) != 0)
        return -1;
    return hf_private_key_take(hf_move(pkey), key, err);
}

EVP_PKEY *hf_private_key_pkey(const struct hf_private_key *key)
{
    return key->pkey;
}

/*
 * Encrypts with a key that scrypt makes of the passphrase: each guess takes 16 MiB and a fifth of a second or so.
 * libcrypto's default, 2,048 rounds of PBKDF2, is thousands of times cheaper.
 */
static X509_SIG *encrypt(EVP_PKEY *pkey, const char *passphrase)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    X509_ALGOR *scheme =
        PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, SALT_SIZE, NULL, SCRYPT_COST, SCRYPT_BLOCKS, SCRYPT_TIMES);
    int length = (int)strnlen(passphrase, PASSPHRASE_MAX);
    X509_SIG *encrypted = info && scheme ? PKCS8_set0_pbe(passphrase, length, info, scheme) : NULL;

    if (!encrypted)
        X509_ALGOR_free(scheme);
    PKCS8_PRIV_KEY_INFO_free(info);
    return encrypted;
}

static int write_pem(BIO *bio, EVP_PKEY *pkey, const char *passphrase)
{
    if (!passphrase)
        return PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
    X509_SIG *encrypted = encrypt(pkey, passphrase);
    int written = encrypted ? PEM_write_bio_PKCS8(bio, encrypted) : 0;
    X509_SIG_free(encrypted);
    return written;
}

int hf_private_key_write(const struct hf_private_key *key, const char *path, const char *passphrase,
                         struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    HF_BIO BIO *bio = BIO_new(BIO_s_secmem());
    if (!bio)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for a key");
    if (write_pem(bio, key->pkey, passphrase) != 1)
        return hf_error(err, HOTFIX_INTERNAL, "libcrypto cannot write a private key");
    char *pem;
    long size = BIO_get_mem_data(bio, &pem);
    return hf_file_write(path, pem, (size_t)size, 0600, true, err);
}

void hf_private_key_destroy(struct hf_private_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

static int public_key_set(struct hf_public_key *key, const uint8_t bytes[HF_KEY_SIZE], struct hotfix_error *err)
{
    struct hf_digest digest;

    if (hf_digest_compute(bytes, HF_KEY_SIZE, &digest, err) != 0)
        return -1;
    memcpy(key->bytes, bytes, HF_KEY_SIZE);
    memcpy(key->id, digest.bytes, HF_KEY_ID_SIZE);
    return 0;
}

int hf_private_key_public(const struct hf_private_key *key, struct hf_public_key *public_key, struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    uint8_t bytes[HF_KEY_SIZE];
    size_t size = sizeof(bytes);

    if (EVP_PKEY_get_raw_public_key(key->pkey, bytes, &size) != 1 || size != sizeof(bytes))
        return hf_error(err, HOTFIX_INTERNAL, "libcrypto gives no public key");
    return public_key_set(public_key, bytes, err);
}

int hf_private_key_sign(const struct hf_private_key *key, const void *message, size_t size,
                        uint8_t signature[HF_SIGNATURE_SIZE], struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    uint8_t bytes[HF_SIGNATURE_SIZE];
    size_t length = sizeof(bytes);
    OSSL_LIB_CTX *library = hf_libcrypto(err);
    if (!library)
        return -1;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    int done = context && EVP_DigestSignInit_ex(context, NULL, NULL, library, NULL, key->pkey, NULL) == 1 &&
               EVP_DigestSign(context, bytes, &length, message, size) == 1 && length == sizeof(bytes);
    EVP_MD_CTX_free(context);
    if (!done)
        return hf_error(err, HOTFIX_INTERNAL, "libcrypto cannot sign");
    memcpy(signature, bytes, sizeof(bytes));
    return 0;
}

/* Looked for in the text: that reading a second key fails can have other reasons than that there is none. */
static bool begins_twice(const char *pem, size_t size)
{
    static const char begin[] = "-----BEGIN PUBLIC KEY-----";
    const char *first = memmem(pem, size, begin, strlen(begin));

    return first && memmem(first + 1, size - (size_t)(first + 1 - pem), begin, strlen(begin));
}

/*
 * The key of a file whose first block is a public key in the only form that an Ed25519 key has in DER (RFC 8410).
 * libcrypto's general decoder, which is asked about all others, takes longer than all the rest of a verification. false
 * when it is another block, or none.
 */
static bool read_plain(BIO *bio, uint8_t bytes[HF_KEY_SIZE])
{
    static const uint8_t prefix[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long length = 0;

    bool plain = PEM_read_bio(bio, &name, &header, &der, &length) == 1 && strcmp(name, PEM_STRING_PUBLIC) == 0 &&
                 *header == '\0' && length == (long)sizeof(prefix) + HF_KEY_SIZE &&
                 memcmp(der, prefix, sizeof(prefix)) == 0;
    if (plain)
        memcpy(bytes, der + sizeof(prefix), HF_KEY_SIZE);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    return plain;
}

/* The key of a file in whatever form libcrypto reads; HOTFIX_TRUST when it has none, or one of another type. */
static int read_any(const void *pem, size_t size, const char *where, uint8_t bytes[HF_KEY_SIZE],
                    struct hotfix_error *err)
{
    size_t length = HF_KEY_SIZE;
    OSSL_LIB_CTX *library = hf_libcrypto(err);
    if (!library)
        return hf_error_prefix(err, "%s", where);
    HF_BIO BIO *bio = BIO_new_mem_buf(pem, (int)size);
    if (!bio)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory for a key", where);
    HF_PKEY EVP_PKEY *pkey = PEM_read_bio_PUBKEY_ex(bio, NULL, NULL, NULL, library, NULL);
    if (!pkey)
        return hf_error(err, HOTFIX_TRUST, "%s: holds no PEM public key", where);
    if (!EVP_PKEY_is_a(pkey, "ED25519"))
        return hf_error(err, HOTFIX_TRUST, "%s: is not an Ed25519 key", where);
    if (EVP_PKEY_get_raw_public_key(pkey, bytes, &length) != 1 || length != HF_KEY_SIZE)
        return hf_error(err, HOTFIX_TRUST, "%s: is not a whole Ed25519 key", where);
    return 0;
}

int hf_public_key_parse(const void *pem, size_t size, const char *where, struct hf_public_key *key,
                        struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    if (size > PEM_FILE_MAX)
        return hf_error(err, HOTFIX_TRUST, "%s: %zu bytes are too many for a public key", where, size);
    HF_BIO BIO *bio = BIO_new_mem_buf(pem, (int)size);
    if (!bio)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory for a key", where);
    uint8_t bytes[HF_KEY_SIZE];
    if (!read_plain(bio, bytes) && read_any(pem, size, where, bytes, err) != 0)
        return -1;
    if (begins_twice(pem, size))
        return hf_error(err, HOTFIX_TRUST, "%s: holds more than one public key; give each a file of its own", where);
    const char *fault = hf_point_fault(bytes);
    if (!fault && hf_point_order_fault(bytes, &fault, err) != 0)
        return hf_error_prefix(err, "%s", where);
    if (fault)
        return hf_error(err, HOTFIX_TRUST,
                        "%s: the public key is %s: no honest key is, so do not trust where it is from", where, fault);
    return public_key_set(key, bytes, err);
}

static EVP_PKEY *public_pkey(const struct hf_public_key *key, OSSL_LIB_CTX *library)
{
    return EVP_PKEY_new_raw_public_key_ex(library, "ED25519", NULL, key->bytes, sizeof(key->bytes));
}

int hf_public_key_write(const struct hf_public_key *key, const char *path, struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    OSSL_LIB_CTX *library = hf_libcrypto(err);
    if (!library)
        return -1;
    HF_PKEY EVP_PKEY *pkey = public_pkey(key, library);
    HF_BIO BIO *bio = BIO_new(BIO_s_mem());
    char *pem;

    if (!pkey || !bio || PEM_write_bio_PUBKEY(bio, pkey) != 1)
        return hf_error(err, HOTFIX_INTERNAL, "libcrypto cannot write a public key");
    long size = BIO_get_mem_data(bio, &pem);
    return hf_file_write(path, pem, (size_t)size, 0644, true, err);
}

int hf_public_key_verify(const struct hf_public_key *key, const void *message, size_t size,
                         const uint8_t signature[HF_SIGNATURE_SIZE], struct hotfix_error *err)
{
    HF_KEEP_ERRORS;
    /* What libcrypto lets through: for such a key anybody can sign. It refuses a second half above the group's order.
     */
    const char *fault = hf_point_fault(key->bytes);
    if (fault)
        return hf_error(err, HOTFIX_SIGNATURE, "the public key is %s, by which anybody could sign", fault);
    fault = hf_point_fault(signature);
    if (fault)
        return hf_error(err, HOTFIX_SIGNATURE, "signature does not verify: it begins with what is %s", fault);
    OSSL_LIB_CTX *library = hf_libcrypto(err);
    if (!library)
        return -1;
    HF_PKEY EVP_PKEY *pkey = public_pkey(key, library);
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    int verified = pkey && context && EVP_DigestVerifyInit_ex(context, NULL, NULL, library, NULL, pkey, NULL) == 1 &&
                   EVP_DigestVerify(context, signature, HF_SIGNATURE_SIZE, message, size) == 1;
    EVP_MD_CTX_free(context);
    if (!verified)
        return hf_error(err, HOTFIX_SIGNATURE, "signature does not verify");
    return 0;
}
