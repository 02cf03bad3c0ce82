/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module's patch may use symbols that the program that loads the module exports. The bundle is then only for that
 * build of the program: another program, or another build, may have something else under the same name.
 */
#ifndef HF_HOST_H
#define HF_HOST_H

#include "hotfix/error.h"
#include "manifest.h"

/*
 * Is the program that the bundle names in this process, and do the symbols that the patch uses lead to it? The dynamic
 * linker takes the first module that exports a name. HOTFIX_INCOMPATIBLE; HOTFIX_MEMORY.
 */
int hf_check_host(const struct hf_manifest *manifest, struct hotfix_error *err);

#endif
