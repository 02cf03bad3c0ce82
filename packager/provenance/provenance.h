/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Provenance of a bundle (docs/provenance.md): an in-toto statement (v1) with a SLSA predicate (v1) that says what the
 * archive part was packed from, in an envelope that the packing key signed.
 */
#ifndef HF_PROVENANCE_H
#define HF_PROVENANCE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "check/check.h"
#include "hotfix/error.h"
#include "key.h"
#include "manifest.h"
#include "pack/inputs.h"
#include "quorum.h"
#include "trust.h"

/* The file's text, malloc'ed, for an archive part that was packed from these inputs. HOTFIX_IO, HOTFIX_MEMORY. */
int hf_provenance_format(const struct hf_inputs *inputs, const struct hf_manifest *manifest, const void *archive,
                         size_t archive_size, const struct hf_private_key *key, char **text, struct hotfix_error *err);

/* What a provenance file says, once it is known to be of a bundle. */
struct hf_provenance {
    struct hf_signers signers; /* count 0: there is none */
    json_t *materials;         /* array of {name, digest: {sha256}}; owned */
};

/*
 * Reads a provenance file and holds it against a bundle's archive part, and against the target's file where target is
 * not NULL. HOTFIX_SIGNATURE, HOTFIX_REVOKED, HOTFIX_EXPIRED when it is not signed as the policy asks of bundles,
 * HOTFIX_INCOMPATIBLE when it is of another
 * archive part or another target's file, HOTFIX_FORMAT, HOTFIX_IO.
 */
int hf_provenance_check(const char *path, const void *archive, size_t archive_size, const char *target,
                        const struct hf_trust *trust, int64_t now, struct hf_provenance *provenance,
                        struct hotfix_error *err);
/*
 * Adds a signature to a provenance file, of this archive part and no other, as hf_envelope_sign() does, and writes it
 * again.
 */
int hf_provenance_sign(const char *path, const void *archive, size_t archive_size, const struct hf_private_key *key,
                       const char *certificate, struct hotfix_error *err);
void hf_provenance_deinit(struct hf_provenance *provenance);

#endif
