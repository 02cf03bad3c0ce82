/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose public key it is, however it is written: the same private key can be certified with its point compressed, its
 * RSA key under another algorithm's name, or with another public exponent.
 */
#ifndef HF_KEYOWNER_H
#define HF_KEYOWNER_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/types.h>

#include "digest.h"
#include "hotfix/error.h"

struct hf_key_owner {
    uint8_t bytes[HF_DIGEST_SIZE];
};

/*
 * The owner of a certificate's public key: of RSA its modulus; of EC its curve and the x of its point, since who has
 * the key of a point has that of the opposite one too; of Ed25519 likewise. HOTFIX_SIGNATURE for any other type, and
 * for an encoding that is not the canonical one: a compressed or hybrid point, a curve that is not named, parameters
 * where none belong.
 */
int hf_key_owner_of(X509 *certificate, struct hf_key_owner *owner, struct hotfix_error *err);

/* That of an Ed25519 key of HF_KEY_SIZE bytes, as in a certificate for it. */
int hf_key_owner_of_ed25519(const uint8_t *bytes, struct hf_key_owner *owner, struct hotfix_error *err);

/* Whether two Ed25519 keys are one, or each other's opposite point, for which one private key signs. */
bool hf_key_owner_same_ed25519(const uint8_t *one, const uint8_t *other);

bool hf_key_owner_equal(const struct hf_key_owner *a, const struct hf_key_owner *b);

#endif
