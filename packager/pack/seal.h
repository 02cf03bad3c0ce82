/* SPDX-License-Identifier: Apache-2.0 */
/* From a manifest and a patch to the bytes of a bundle. */
#ifndef HF_SEAL_H
#define HF_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "elf/image.h"
#include "hotfix/error.h"
#include "key.h"
#include "manifest.h"

/*
 * Sets the manifest's id, soname, payload size and digest, stamps the patch, signs, and verifies the outcome as the
 * loader would, against the target's file too. key NULL: the bundle has no signature. The malloc'ed
 * patch is freed as soon as it is not needed any more, and *patch is NULL then. *file is malloc'ed.
 */
int hf_seal(struct hf_manifest *manifest, uint8_t **patch, size_t patch_size, const struct hf_private_key *key,
            const struct hf_image *target, uint8_t **file, size_t *file_size, struct hotfix_error *err);

#endif
