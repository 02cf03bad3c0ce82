/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is code of the target in this process a second time? The dynamic linker shows the modules of one namespace alone; a
 * library that dlmopen(3) loaded again, or another loader, is found by its mappings of the same file; another file of
 * the same build by what the dynamic linker (glibc 2.35 or later) tells debuggers of its namespaces.
 */
#ifndef HF_COPIES_H
#define HF_COPIES_H

#include "hotfix/error.h"
#include "manifest.h"
#include "process/module.h"

/* 0 when no function of the manifest is. HOTFIX_NO_TARGET: which is, and where; HOTFIX_IO, HOTFIX_MEMORY. */
int hf_check_copies(const struct hf_manifest *manifest, const struct hf_module *target, struct hotfix_error *err);

#endif
