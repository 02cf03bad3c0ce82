/* SPDX-License-Identifier: Apache-2.0 */
/* Making signatures by certificates (cms.h). */
#ifndef HF_CERTIFIED_H
#define HF_CERTIFIED_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "key.h"

/*
 * Signs a message with the certificate of a PEM file, which must be the key's and for signing code; certificates behind
 * it in the file, of authorities between it and one that is trusted, go into the signature. *cms is malloc'ed DER; id
 * is what a signature block calls it. HOTFIX_TRUST for a certificate that cannot be used, HOTFIX_IO, HOTFIX_INTERNAL.
 */
int hf_certified_sign(const char *certificate, const struct hf_private_key *key, const void *message,
                      size_t message_size, uint8_t **cms, size_t *size, uint8_t id[HF_KEY_ID_SIZE],
                      struct hotfix_error *err);

/* What a signature block calls signatures by the certificate of a PEM file, which must be for signing code. */
int hf_certified_id(const char *certificate, uint8_t id[HF_KEY_ID_SIZE], struct hotfix_error *err);

#endif
