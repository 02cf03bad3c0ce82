/* SPDX-License-Identifier: Apache-2.0 */
/* patch.so out of a bundle against what the bundle's manifest says of it. */
#ifndef HF_PAYLOAD_H
#define HF_PAYLOAD_H

#include "bundle.h"
#include "fixup.h"
#include "hotfix/error.h"

/*
 * Everything that the loader checks of patch.so, without loading it: a shared object for the manifest's CPU, segments
 * within bounds, the stamp and the SONAME of this bundle, replacements and hooks in its code, a fix-up table whose
 * records the CPU supports and that lie within the segments. *fixups is empty when there is no table; the caller
 * frees it. HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_payload_check(const struct hf_bundle *bundle, struct hf_fixups *fixups, struct hotfix_error *err);

#endif
