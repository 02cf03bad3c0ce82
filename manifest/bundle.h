/* SPDX-License-Identifier: Apache-2.0 */
/* The bundle file: NAME-VERSION.hotfix, a tar archive of manifest.ini and patch.so followed by its signatures. */
#ifndef HF_BUNDLE_H
#define HF_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "manifest.h"
#include "quorum.h"
#include "signature.h"
#include "trust.h"

#define HF_BUNDLE_MAX_SIZE (256u << 20) /* bytes of a bundle file */

struct hf_bundle {
    struct hf_manifest manifest;
    const uint8_t *payload; /* patch.so, in the archive that was parsed; zeros follow */
    size_t payload_size;
    uint8_t *file; /* what payload points into, owned; NULL when it is the caller's */
};

/*
 * Writes the archive part: members manifest.ini and patch.so in that order, ustar, mode 0644, owner 0, time
 * manifest->created. Sets nothing in the manifest: payload_size and payload_digest must be right already
 * (HOTFIX_INTERNAL else). *archive is malloc'ed.
 */
int hf_archive_format(const struct hf_manifest *manifest, const void *payload, size_t payload_size, uint8_t **archive,
                      size_t *archive_size, struct hotfix_error *err);

/*
 * Reads an archive part: exactly those two members, in this order, plain files of bounded size, nothing after them but
 * zeros; the payload must have the manifest's size and digest. The bundle is used as long as the archive exists, whose
 * bytes nobody may change meanwhile. HOTFIX_FORMAT. On failure bundle is untouched.
 */
int hf_archive_parse(const void *archive, size_t archive_size, struct hf_bundle *bundle, struct hotfix_error *err);

/*
 * Verifies, then parses: no part of the archive is read unless a key of the trust store signed exactly these bytes. now
 * (seconds since the epoch) is compared with the expiry dates of keys and bundle (HOTFIX_EXPIRED). A revoked bundle is
 * refused (HOTFIX_REVOKED). signers as in hf_signed_verify().
 */
int hf_bundle_open(const void *file, size_t size, const struct hf_trust *trust, int64_t now, struct hf_bundle *bundle,
                   struct hf_signers *signers, struct hotfix_error *err);

/* The same, and says what each signature is worth, as hf_signed_judge() does. */
int hf_bundle_judge(const void *file, size_t size, const struct hf_trust *trust, int64_t now, struct hf_bundle *bundle,
                    struct hf_signers *signers, struct hf_opinion *opinions, struct hotfix_error *err);

/* Hands the malloc'ed bytes that the bundle was read from over to it; *file becomes NULL. */
void hf_bundle_keep(struct hf_bundle *bundle, uint8_t **file);

void hf_bundle_deinit(struct hf_bundle *bundle);

#endif
