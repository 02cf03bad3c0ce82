/* SPDX-License-Identifier: Apache-2.0 */
/* A target's file against what a bundle expects of it. */
#ifndef HF_TARGET_H
#define HF_TARGET_H

#include "elf/image.h"
#include "fixup.h"
#include "hotfix/error.h"
#include "manifest.h"

/*
 * Is this the program or library that the bundle was made for: same machine and build-id, every picked function in
 * its code, with the manifest's bytes, and long enough for a detour; every fix-up's value in its segments?
 * HOTFIX_INCOMPATIBLE, HOTFIX_FORMAT.
 */
int hf_target_check(const struct hf_image *target, const struct hf_manifest *manifest, const struct hf_fixups *fixups,
                    struct hotfix_error *err);

#endif
