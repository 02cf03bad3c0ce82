/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) through libcrypto, and hexadecimal text. */
#ifndef HF_DIGEST_H
#define HF_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"

#define HF_DIGEST_SIZE 32

struct hf_digest {
    uint8_t bytes[HF_DIGEST_SIZE];
};

/* Digest of size bytes; data may be NULL when size is 0. Fails with HOTFIX_INTERNAL when libcrypto does. */
int hf_digest_compute(const void *data, size_t size, struct hf_digest *digest, struct hotfix_error *err);
bool hf_digest_equal(const struct hf_digest *a, const struct hf_digest *b);

/* Writes 2 * size lower-case digits and a NUL. */
void hf_hex_encode(const uint8_t *bytes, size_t size, char *text);
/* Reads exactly 2 * size lower-case digits followed by a NUL; -1 for anything else (bytes untouched). */
int hf_hex_decode(const char *text, uint8_t *bytes, size_t size);

#endif
