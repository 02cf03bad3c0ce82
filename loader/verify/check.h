/* SPDX-License-Identifier: Apache-2.0 */
/* The checks between a verified bundle and its staging: does it fit what is in this process? Nothing is changed. */
#ifndef HF_CHECK_H
#define HF_CHECK_H

#include "hotfix.h"
#include "manifest.h"
#include "process/module.h"

/* What needs no target: CPU, id not applied yet, nor superseded by what is. HOTFIX_INCOMPATIBLE, HOTFIX_APPLIED,
 * HOTFIX_REPLAYED. */
int hf_check_bundle(const struct hf_manifest *manifest, struct hotfix_error *err);

/*
 * /proc of this process (process/proc.h), CPU, module with the build-id, id not applied yet, every function inside the
 * module's code and its bytes in memory as the manifest says (detours of bundles that are applied aside), in no other
 * namespace of the dynamic linker (verify/copies.h), no applied bundle and this one break what the other counts on, and
 * what the patch uses of a module's host is of that one. On success the target is kept loaded.
 * HOTFIX_INCOMPATIBLE, HOTFIX_NO_TARGET, HOTFIX_APPLIED, HOTFIX_REPLAYED, HOTFIX_FORMAT, HOTFIX_CODE_DIFFERS,
 * HOTFIX_PATCHER, HOTFIX_STOP, HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_check_target(const struct hf_manifest *manifest, const struct hotfix_patcher *patcher, struct hf_module *target,
                    struct hotfix_error *err);

/* Every replacement, caller and hook inside the patch's code. HOTFIX_FORMAT. */
int hf_check_patch(const struct hf_manifest *manifest, const struct hf_module *patch, struct hotfix_error *err);

#endif
