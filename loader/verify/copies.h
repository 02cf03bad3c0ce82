/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is code of the target loaded a second time in this process? The dynamic linker shows only the modules of one
 * namespace. A copy that dlmopen(3) or another loader has loaded from the same file is found by its mappings; a copy
 * from another file of the same build is found by the list of namespaces that the dynamic linker (glibc 2.35 or later)
 * keeps for debuggers.
 */
#ifndef HF_COPIES_H
#define HF_COPIES_H

#include "hotfix/error.h"
#include "manifest.h"
#include "process/module.h"

/*
 * 0 when no function of the manifest is loaded twice. HOTFIX_NO_TARGET with the function and the place; HOTFIX_IO,
 * HOTFIX_MEMORY.
 */
int hf_check_copies(const struct hf_manifest *manifest, const struct hf_module *target, struct hotfix_error *err);

#endif
