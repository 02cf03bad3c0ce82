/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed envelopes (DSSE 1.0, Dead Simple Signing Envelope): a JSON object of a payload in base64, its type, and
 * Ed25519 signatures over "DSSEv1", both lengths and both texts.
 */
#ifndef HF_ENVELOPE_H
#define HF_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "key.h"
#include "trust.h"

#define HF_ENVELOPE_MAX (16u << 20) /* bytes of an envelope */

/* Signs a payload: *text is malloc'ed JSON that ends in a line feed. */
int hf_envelope_format(const char *type, const char *payload, const struct hf_private_key *key, char **text,
                       struct hotfix_error *err);

/*
 * The payload of an envelope of this type, malloc'ed, that a key of the trust store signed which is neither revoked nor
 * expired at now; *signer is the key. HOTFIX_FORMAT for what is no such envelope; HOTFIX_SIGNATURE when no such key
 * signed it.
 */
int hf_envelope_open(const void *text, size_t size, const char *type, const struct hf_trust *trust, int64_t now,
                     char **payload, const struct hf_trust_key **signer, struct hotfix_error *err);

#endif
