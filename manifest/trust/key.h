/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 keys (RFC 8032) as PEM files: PKCS#8 private keys and SubjectPublicKeyInfo public keys (RFC 8410). */
#ifndef HF_KEY_H
#define HF_KEY_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include "hotfix/error.h"

#define HF_KEY_SIZE       32 /* raw public key */
#define HF_KEY_ID_SIZE    16 /* first bytes of SHA-256 over the raw public key */
#define HF_SIGNATURE_SIZE 64

struct hf_public_key {
    uint8_t bytes[HF_KEY_SIZE];
    uint8_t id[HF_KEY_ID_SIZE];
};

struct hf_private_key; /* wiped when destroyed */

/* Asks for a passphrase: writes at most size bytes to buffer, returns its length, or -1 when there is none. */
typedef int (*hf_passphrase_fn)(char *buffer, size_t size, void *arg);

int hf_private_key_generate(struct hf_private_key **key, struct hotfix_error *err);
/* For certificates: libcrypto 3.0 makes no CMS signatures with Ed25519 keys. */
int hf_private_key_generate_p256(struct hf_private_key **key, struct hotfix_error *err);
/*
 * Reads a PEM private key. Refused with HOTFIX_TRUST: a file that group or others may read or write, a key that is not
 * Ed25519, a wrong passphrase. ask may be NULL: an encrypted key is then refused.
 */
int hf_private_key_read(const char *path, hf_passphrase_fn ask, void *arg, struct hf_private_key **key,
                        struct hotfix_error *err);
/* The same of a key of whatever type, for certificates; the functions below that are about Ed25519 are not for it. */
int hf_private_key_read_any(const char *path, hf_passphrase_fn ask, void *arg, struct hf_private_key **key,
                            struct hotfix_error *err);
/* Takes over libcrypto's object, on failure, too. HOTFIX_MEMORY. */
int hf_private_key_take(EVP_PKEY *pkey, struct hf_private_key **key, struct hotfix_error *err);
/* libcrypto's object, as long as the key is. */
EVP_PKEY *hf_private_key_pkey(const struct hf_private_key *key);
/* Writes PEM with mode 0600, never over an existing file. passphrase NULL: not encrypted; else PKCS#8 with AES-256-CBC.
 */
int hf_private_key_write(const struct hf_private_key *key, const char *path, const char *passphrase,
                         struct hotfix_error *err);
/* NULL is fine. */
void hf_private_key_destroy(struct hf_private_key *key);
int hf_private_key_public(const struct hf_private_key *key, struct hf_public_key *public_key, struct hotfix_error *err);
int hf_private_key_sign(const struct hf_private_key *key, const void *message, size_t size,
                        uint8_t signature[HF_SIGNATURE_SIZE], struct hotfix_error *err);

/* Parses PEM text; where names it in messages. HOTFIX_TRUST when it holds anything but exactly one Ed25519 public key,
 * or a key that no honest key pair has (hf_point_fault). */
int hf_public_key_parse(const void *pem, size_t size, const char *where, struct hf_public_key *key,
                        struct hotfix_error *err);
/* Writes PEM with mode 0644, never over an existing file. */
int hf_public_key_write(const struct hf_public_key *key, const char *path, struct hotfix_error *err);
/* 0 when the signature is by this key over these bytes, else -1 (HOTFIX_SIGNATURE). Stricter than RFC 8032 asks: points
 * of small order and all but the canonical encodings are refused, and the equation is the one without the cofactor. */
int hf_public_key_verify(const struct hf_public_key *key, const void *message, size_t size,
                         const uint8_t signature[HF_SIGNATURE_SIZE], struct hotfix_error *err);

#endif
