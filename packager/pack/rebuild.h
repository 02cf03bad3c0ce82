/* SPDX-License-Identifier: Apache-2.0 */
/* Packing once more what somebody else packed: the same inputs must give the same archive part. */
#ifndef HF_REBUILD_H
#define HF_REBUILD_H

#include <stddef.h>

#include "bundle.h"
#include "hotfix/error.h"
#include "pack/inputs.h"

/*
 * Packs target and patch of the inputs as the bundle's manifest says, with its picks, identity, times and waivers,
 * and compares with its archive part. The inputs must have no picks and no waivers; they are filled in.
 * HOTFIX_INCOMPATIBLE says which member differs, and where first; or what pack refuses.
 */
int hf_rebuild(const struct hf_bundle *bundle, const void *archive, size_t archive_size, struct hf_inputs *inputs,
               struct hotfix_error *err);

#endif
