/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which module's copy of a function this process uses. The dynamic linker binds a name to the first module that exports
 * it, and C++ puts inline functions and instances of templates into every module that uses them. So the program's copy
 * may be called instead of the target library's, and a detour in the library would have no effect.
 */
#ifndef HF_WINNER_H
#define HF_WINNER_H

#include "hotfix.h"
#include "manifest.h"
#include "process/module.h"

/* Do calls of the functions that the target exports arrive there? HOTFIX_INCOMPATIBLE naming function and module. */
int hf_check_winners(const struct hf_manifest *manifest, const struct hf_module *target, struct hotfix_error *err);

#endif
