/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of a bundle, put in one by one; the archive part stays as it is. */
#ifndef HF_COUNTERSIGN_H
#define HF_COUNTERSIGN_H

#include "hotfix/error.h"
#include "key.h"
#include "signature.h"

/*
 * Puts in a signature that was made elsewhere, after it was verified. 0, or 1 when one by this key is there and good
 * already; one that is there and bad is replaced. HOTFIX_SIGNATURE when it is not by this key over this bundle's
 * statement; HOTFIX_FORMAT when there is no room for one more.
 */
int hf_countersign_import(struct hf_signed *parts, const struct hf_public_key *key,
                          const uint8_t bytes[HF_SIGNATURE_SIZE], struct hotfix_error *err);

/* Signs and puts in the signature, as above. */
int hf_countersign(struct hf_signed *parts, const struct hf_private_key *key, struct hotfix_error *err);

/*
 * Signs with the certificate of a PEM file (hf_certified_sign) and puts the signature in, as above; id is what it goes
 * by. *cms, which the parts point to, is malloc'ed, or NULL.
 */
int hf_countersign_certified(struct hf_signed *parts, const char *certificate, const struct hf_private_key *key,
                             uint8_t id[HF_KEY_ID_SIZE], uint8_t **cms, struct hotfix_error *err);

/*
 * Puts in a CMS signature that was made elsewhere, after it was verified, by the certificate of a PEM file; as above.
 * The parts point to the signature's bytes. HOTFIX_TRUST for a certificate that cannot be used.
 */
int hf_countersign_import_certified(struct hf_signed *parts, const char *certificate, const uint8_t *cms, size_t size,
                                    uint8_t id[HF_KEY_ID_SIZE], struct hotfix_error *err);

/* Is there a good signature by this key? 0 or HOTFIX_SIGNATURE. */
int hf_countersigned(const struct hf_signed *parts, const struct hf_public_key *key, struct hotfix_error *err);

#endif
