/* SPDX-License-Identifier: Apache-2.0 */
/* The checks between a verified bundle and its staging: does it fit what is in this process? Nothing is changed. */
#ifndef HF_CHECK_H
#define HF_CHECK_H

#include "hotfix.h"
#include "manifest.h"
#include "process/module.h"

/*
 * Checks that need no target: CPU; the id is neither applied nor superseded by an applied bundle. HOTFIX_INCOMPATIBLE,
 * HOTFIX_APPLIED, HOTFIX_REPLAYED.
 */
int hf_check_bundle(const struct hf_manifest *manifest, struct hotfix_error *err);

/*
 * Checks that: /proc belongs to this process (process/proc.h); the CPU and the module's build-id fit; the id is not
 * applied yet; every function is inside the module's code, and its bytes in memory are as the manifest says, apart from
 * detours of applied bundles; the code is in no other namespace of the dynamic linker (verify/copies.h); this bundle
 * and applied ones do not break each other's assumptions; and symbols that the patch uses of a module's host belong to
 * that host. On success the target is kept loaded. HOTFIX_INCOMPATIBLE, HOTFIX_NO_TARGET, HOTFIX_APPLIED,
 * HOTFIX_REPLAYED, HOTFIX_FORMAT, HOTFIX_CODE_DIFFERS, HOTFIX_PATCHER, HOTFIX_STOP, HOTFIX_IO, HOTFIX_MEMORY.
 */
int hf_check_target(const struct hf_manifest *manifest, const struct hotfix_patcher *patcher, struct hf_module *target,
                    struct hotfix_error *err);

/* Checks that every replacement, caller and hook is inside the patch's code. HOTFIX_FORMAT. */
int hf_check_patch(const struct hf_manifest *manifest, const struct hf_module *patch, struct hotfix_error *err);

#endif
