/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed envelopes (DSSE 1.0, Dead Simple Signing Envelope): a JSON object of a payload in base64, its type, and
 * signatures over "DSSEv1", both lengths and both texts: of Ed25519, or CMS in DER.
 */
#ifndef HF_ENVELOPE_H
#define HF_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "key.h"
#include "quorum.h"
#include "trust.h"

#define HF_ENVELOPE_MAX (16u << 20) /* bytes of an envelope */

/* Signs a payload: *text is malloc'ed JSON that ends in a line feed. */
int hf_envelope_format(const char *type, const char *payload, const struct hf_private_key *key, char **text,
                       struct hotfix_error *err);

/*
 * The payload of an envelope of this type, malloc'ed, that is signed as the policy of the trust store asks, by the
 * rules for bundles (hf_signatures_judge); signers as there. HOTFIX_FORMAT for what is no such envelope;
 * HOTFIX_SIGNATURE, HOTFIX_REVOKED, HOTFIX_EXPIRED when it is not signed so.
 */
int hf_envelope_open(const void *text, size_t size, const char *type, const struct hf_trust *trust, int64_t now,
                     char **payload, struct hf_signers *signers, struct hotfix_error *err);

/*
 * Adds a signature to an envelope of this type, by the key or, where certificate is not NULL, by the certificate of
 * that file, whose key it is: *more is the envelope's new text and *payload what was signed, both malloc'ed. Whether it
 * was signed before does not matter.
 */
int hf_envelope_sign(const void *text, size_t size, const char *type, const struct hf_private_key *key,
                     const char *certificate, char **payload, char **more, struct hotfix_error *err);

#endif
