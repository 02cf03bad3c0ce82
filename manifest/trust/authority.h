/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate authority that a trust store trusts: its certificates and its revocation lists. It vouches for
 * certificates that sign bundles (RFC 5280, extended key usage code signing).
 */
#ifndef HF_AUTHORITY_H
#define HF_AUTHORITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>
#include <openssl/x509.h>

#include "digest.h"
#include "hotfix/error.h"
#include "keyowner.h"

#define HF_AUTHORITY_FILE_MAX   (1u << 20) /* bytes of a file of certificates or of revocation lists */
#define HF_AUTHORITY_CERTS_MAX  16         /* certificates in a file */
#define HF_AUTHORITY_LISTS_MAX  16         /* revocation lists in a file */
#define HF_CERTIFICATE_NAME_MAX 160        /* bytes of a name as hf_certificate_name() writes it */
#define HF_CERTIFICATE_SERIAL   20         /* bytes of a serial number (RFC 5280, section 4.1.2.2) */
#define HF_CHAIN_MAX            10         /* certificates of a chain */

struct hf_authority;

/* A certificate as a revocation list identifies it. */
struct hf_certificate_mark {
    uint8_t issuer[HF_DIGEST_SIZE]; /* SHA-256 over the issuer's name in DER */
    uint8_t serial[HF_CERTIFICATE_SERIAL];
    size_t serial_size; /* 1 or more */
};

/* The certificates of a chain, from the signer's to the trusted one. */
struct hf_chain {
    X509 *certificates[HF_CHAIN_MAX]; /* owned */
    struct hf_key_owner keys[HF_CHAIN_MAX];
    size_t count;
};

/* An empty one (all zeros) is fine. */
void hf_chain_deinit(struct hf_chain *chain);

/*
 * Reads PEM text of one or more certificates of authorities, each of which is trusted by itself, whether or not another
 * has signed it; where names it in messages. HOTFIX_TRUST when there is none, when one is malformed, or is not for
 * authorities.
 */
int hf_authority_parse(const void *pem, size_t size, const char *where, struct hf_authority **authority,
                       struct hotfix_error *err);
/*
 * Adds the revocation lists of a PEM text. From then on every certificate must be found valid by a list of its issuer
 * that is neither damaged nor out of date. HOTFIX_TRUST when there is none or one is malformed.
 */
int hf_authority_revoke(struct hf_authority *authority, const void *pem, size_t size, const char *where,
                        struct hotfix_error *err);
/* NULL is fine. */
void hf_authority_destroy(struct hf_authority *authority);

/*
 * 0 when the two are independent; HOTFIX_TRUST when they share a certificate or a key, or when, by names and key
 * identifiers, one may have issued a certificate of the other: then one party could sign for both. HOTFIX_MEMORY.
 */
int hf_authority_apart(const struct hf_authority *one, const struct hf_authority *other, struct hotfix_error *err);
/* Whether one of its certificates is for this key. */
bool hf_authority_holds(const struct hf_authority *authority, const struct hf_key_owner *key);
/*
 * Whether a revocation list of it, signed by one of its own certificates or by one in a chain that it has vouched for,
 * names the certificate, other than because it was superseded, its signer's operation ceased or the signer's
 * affiliation changed: then somebody else may have used it before. That a list is out of date does not matter: what was
 * revoked once stays so. False, too, when memory is out: nothing is taken back then.
 */
bool hf_authority_doubts(const struct hf_authority *authority, const struct hf_certificate_mark *mark);

/*
 * Whether a revocation list of it names a certificate of the chain, and is signed by that one's issuer there: the chain
 * may be another authority's, and leave out what leads to this one.
 */
bool hf_authority_revokes(const struct hf_authority *authority, const struct hf_chain *chain);

/* SHA-256 over the first certificate. */
int hf_authority_digest(const struct hf_authority *authority, uint8_t digest[HF_DIGEST_SIZE], struct hotfix_error *err);

/*
 * 0 when a chain of valid certificates leads from this one through any of the others to the authority, when it is for
 * signing code, and when it is not revoked; else -1 with the reason: HOTFIX_EXPIRED, HOTFIX_REVOKED, HOTFIX_SIGNATURE.
 * Certificates must be valid at the time `at`, revocation lists at the time `now`: what is revoked is so whenever it
 * was used. chain (which may be NULL) becomes that chain, and the lists that certificates of it signed are known from
 * then on to be genuine (hf_authority_doubts()).
 */
int hf_authority_vouch(const struct hf_authority *authority, X509 *certificate, STACK_OF(X509) * others, int64_t at,
                       int64_t now, struct hf_chain *chain, struct hotfix_error *err);

/* 0 when the certificate is for code signing, else -1 with HOTFIX_SIGNATURE. */
int hf_certificate_signs(X509 *certificate, struct hotfix_error *err);

/* What revocation lists call a certificate. HOTFIX_SIGNATURE for a serial number that none may have. */
int hf_certificate_mark(X509 *certificate, struct hf_certificate_mark *mark, struct hotfix_error *err);

/* Writes the subject of a certificate as text (RFC 2253), cut off where it is too long. */
void hf_certificate_name(const X509 *certificate, char name[HF_CERTIFICATE_NAME_MAX]);

#endif
