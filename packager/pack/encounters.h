/* SPDX-License-Identifier: Apache-2.0 */
/* What a manifest says of code that was not compiled together with all that it meets, from what the build found out. */
#ifndef HF_ENCOUNTERS_H
#define HF_ENCOUNTERS_H

#include "elf/image.h"
#include "hotfix/error.h"
#include "manifest.h"

/*
 * Fills callers and assumptions of a manifest that names its target from the patch's table of worlds; a patch without
 * one leaves them empty. HOTFIX_INCOMPATIBLE when the table is about another build; HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_compose_encounters(const struct hf_image *patch, struct hf_manifest *manifest, struct hotfix_error *err);

#endif
