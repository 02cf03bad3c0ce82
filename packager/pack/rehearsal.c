/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/rehearsal.h"

#include "cleanup.h"
#include "manifest.h"
#include "pack/compose.h"
#include "pack/identity.h"
#include "pack/seal.h"

int hf_rehearse(const struct hf_check_subject *subject, const struct hf_check_result *results, const char *patch_path,
                struct hotfix_error *err)
{
    const struct hf_identity identity = {.name = "rehearsal", .version = "1"};
    HF_FREE uint8_t *patch = NULL;
    HF_FREE uint8_t *file = NULL;
    struct hf_manifest manifest;
    size_t patch_size, size;

    hf_manifest_init(&manifest);
    int result = hf_identity_fill(&identity, patch_path, &manifest, err);
    if (result == 0)
        result = hf_compose(subject, results, &manifest, err);
    if (result == 0)
        result = hf_compose_payload(subject, &patch, &patch_size, err);
    if (result == 0)
        result = hf_seal(&manifest, &patch, patch_size, NULL, &subject->target->image, &file, &size, err);
    hf_manifest_deinit(&manifest);
    return result;
}
