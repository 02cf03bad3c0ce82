/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures by certificates: detached CMS SignedData in DER (RFC 5652) over the statement of a bundle, by one signer
 * whose certificate it holds.
 */
#ifndef HF_CMS_H
#define HF_CMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authority.h"
#include "hotfix/error.h"
#include "key.h"

#define HF_CMS_MAX 16384 /* bytes of one */

struct hf_cms; /* one that was parsed */

/*
 * Parses size bytes, and verifies nothing. HOTFIX_SIGNATURE for what is malformed, has more or less than one signer,
 * does not hold the signer's certificate, holds a message of its own, uses a hash other than SHA-2 or SHA-3 of 256 bits
 * or more, or a key other than RSA or EC in its canonical encoding (keyowner.h); HOTFIX_MEMORY.
 */
int hf_cms_parse(const void *bytes, size_t size, struct hf_cms **cms, struct hotfix_error *err);
/* 0 when it verifies over the message by the certificate within, about which this says nothing; else HOTFIX_SIGNATURE.
 */
int hf_cms_verify(const struct hf_cms *cms, const void *message, size_t size, struct hotfix_error *err);
/* Both. */
int hf_cms_open(const void *bytes, size_t size, const void *message, size_t message_size, struct hf_cms **cms,
                struct hotfix_error *err);
/* NULL is fine. */
void hf_cms_close(struct hf_cms *cms);

/* First bytes of SHA-256 over the signer's certificate: what a signature block calls it. */
void hf_cms_id(const struct hf_cms *cms, uint8_t id[HF_KEY_ID_SIZE]);
/* Whose key signed: the same of another certificate for it. */
const struct hf_key_owner *hf_cms_key(const struct hf_cms *cms);
/* What revocation lists call the signer's certificate. */
const struct hf_certificate_mark *hf_cms_mark(const struct hf_cms *cms);
/* The subject of the signer's certificate, as long as the object is. */
const char *hf_cms_signer(const struct hf_cms *cms);

/*
 * 0 when the authority vouches for the signer's certificate (hf_authority_vouch) now or, with at_signing, at the time
 * that the signer says it signed, which must not be in the future. Else -1, as there. chain as there.
 */
int hf_cms_vouched(const struct hf_cms *cms, const struct hf_authority *authority, bool at_signing, int64_t now,
                   struct hf_chain *chain, struct hotfix_error *err);

#endif
