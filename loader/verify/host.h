/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module's patch may use what the program that loads the module exports. It is meant for that very program: another
 * one, or another build of it, may have something else under the same name.
 */
#ifndef HF_HOST_H
#define HF_HOST_H

#include "hotfix/error.h"
#include "manifest.h"

/*
 * Is the program that the bundle names in this process, and do the names that the patch uses of it lead there? The
 * dynamic linker takes the first module that exports a name. HOTFIX_INCOMPATIBLE; HOTFIX_MEMORY.
 */
int hf_check_host(const struct hf_manifest *manifest, struct hotfix_error *err);

#endif
