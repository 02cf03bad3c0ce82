/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the program that loads a target, a module, against what a bundle expects of it. */
#ifndef HF_VERIFY_HOST_H
#define HF_VERIFY_HOST_H

#include "elf/image.h"
#include "hotfix/error.h"
#include "manifest.h"

/*
 * Is this the program whose symbols the bundle uses: the build-id, and every symbol exported? True of any program when
 * the bundle uses none. HOTFIX_INCOMPATIBLE, HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_host_check(const struct hf_image *host, const struct hf_manifest *manifest, struct hotfix_error *err);

#endif
