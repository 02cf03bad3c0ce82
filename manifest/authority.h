/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certification authority that a trust store believes: its certificates, and the lists of what it has revoked. It
 * vouches for certificates that sign bundles (RFC 5280, extended key usage code signing).
 */
#ifndef HF_AUTHORITY_H
#define HF_AUTHORITY_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>
#include <openssl/x509.h>

#include "digest.h"
#include "hotfix/error.h"

#define HF_AUTHORITY_FILE_MAX   (1u << 20) /* bytes of a file of certificates or of revocation lists */
#define HF_AUTHORITY_CERTS_MAX  16         /* certificates in a file */
#define HF_AUTHORITY_LISTS_MAX  16         /* revocation lists in a file */
#define HF_CERTIFICATE_NAME_MAX 160        /* bytes of a name as hf_certificate_name() writes it */

struct hf_authority;

/*
 * Reads PEM text of one or more certificates of authorities, each of which is believed by itself, whether or not
 * another has signed it; where names it in messages. HOTFIX_TRUST when there is none, when one is malformed, or is not
 * for authorities.
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

/* SHA-256 over the first certificate. */
int hf_authority_digest(const struct hf_authority *authority, uint8_t digest[HF_DIGEST_SIZE], struct hotfix_error *err);

/*
 * 0 when a chain of valid certificates leads from this one through any of the others to the authority, when it is for
 * signing code, and when it is not revoked; else -1 with the reason: HOTFIX_EXPIRED, HOTFIX_REVOKED, HOTFIX_SIGNATURE.
 * Certificates must be valid at the time `at`, revocation lists at the time `now`: what is revoked is so whenever it
 * was used.
 */
int hf_authority_vouch(const struct hf_authority *authority, X509 *certificate, STACK_OF(X509) * others, int64_t at,
                       int64_t now, struct hotfix_error *err);

/* 0 when the certificate is one for signing code, else -1 with HOTFIX_SIGNATURE. */
int hf_certificate_signs(X509 *certificate, struct hotfix_error *err);

/* Writes the subject of a certificate as text (RFC 2253), cut off where it is too long. */
void hf_certificate_name(const X509 *certificate, char name[HF_CERTIFICATE_NAME_MAX]);

#endif
