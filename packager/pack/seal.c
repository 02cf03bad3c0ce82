/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/seal.h"

#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "cleanup.h"
#include "error.h"
#include "pack/restamp.h"
#include "sign/countersign.h"
#include "stamp.h"
#include "verify/payload.h"
#include "verify/target.h"

static int stamp(struct hf_manifest *manifest, const void *patch, size_t patch_size, uint8_t **payload,
                 struct hotfix_error *err)
{
    char soname[HF_SONAME_MAX];
    size_t size;

    if (hf_stamp_id(manifest, patch, patch_size, manifest->id, err) != 0)
        return -1;
    hf_stamp_soname(manifest->id, soname);
    manifest->soname = strdup(soname);
    if (!manifest->soname)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (hf_restamp(manifest, patch, patch_size, payload, &size, err) != 0)
        return hf_error_prefix(err, "the patch cannot be stamped");
    manifest->payload_size = size;
    return hf_digest_compute(*payload, size, &manifest->payload_digest, err);
}

/* key is NULL when others sign, later. */
static int sign(uint8_t **archive, size_t archive_size, const struct hf_private_key *key, uint8_t **file,
                size_t *file_size, struct hotfix_error *err)
{
    struct hf_signed parts = {.archive = *archive, .archive_size = archive_size};

    if (key && hf_countersign(&parts, key, err) != 0)
        return -1;
    return hf_signed_finish(&parts, archive, file, file_size, err);
}

/* Reads back what was made, so that no bundle leaves that a loader would refuse. */
static int prove(const void *file, size_t file_size, const struct hf_private_key *key, const struct hf_image *target,
                 struct hotfix_error *err)
{
    struct hf_public_key public_key;
    struct hf_signed parts;
    struct hf_bundle bundle;
    struct hf_fixups fixups = {0};

    if (hf_signed_parse(file, file_size, &parts, err) != 0 ||
        (key &&
         (hf_private_key_public(key, &public_key, err) != 0 || hf_countersigned(&parts, &public_key, err) != 0)) ||
        hf_archive_parse(parts.archive, parts.archive_size, &bundle, err) != 0)
        return hf_error_prefix(err, "the bundle does not verify");
    int result = hf_payload_check(&bundle, &fixups, err);
    if (result == 0)
        result = hf_target_check(target, &bundle.manifest, &fixups, err);
    if (result != 0)
        hf_error_prefix(err, "the bundle does not verify");
    hf_fixups_deinit(&fixups);
    hf_bundle_deinit(&bundle);
    return result;
}

/* The patch may be large: each form of it is freed when the next one is there. */
static int make_archive(struct hf_manifest *manifest, uint8_t **patch, size_t patch_size, uint8_t **archive,
                        size_t *archive_size, struct hotfix_error *err)
{
    HF_FREE uint8_t *payload = NULL;

    int result = stamp(manifest, *patch, patch_size, &payload, err);
    free(*patch);
    *patch = NULL;
    return result == 0 ? hf_archive_format(manifest, payload, manifest->payload_size, archive, archive_size, err) : -1;
}

int hf_seal(struct hf_manifest *manifest, uint8_t **patch, size_t patch_size, const struct hf_private_key *key,
            const struct hf_image *target, uint8_t **file, size_t *file_size, struct hotfix_error *err)
{
    HF_FREE uint8_t *archive = NULL, *made = NULL;
    size_t archive_size, made_size;

    if (make_archive(manifest, patch, patch_size, &archive, &archive_size, err) != 0 ||
        sign(&archive, archive_size, key, &made, &made_size, err) != 0 || prove(made, made_size, key, target, err) != 0)
        return -1;
    *file = hf_move(made);
    *file_size = made_size;
    return 0;
}
