/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What bundles count on in the target. Two fixes of one release were never compiled together: where code of the one
 * calls what the other replaces, compilers may have fitted it to the function that was there before; and a function
 * that both bring has the fix of one of them. A bundle that was built on another one has the fixes of both, and
 * replaces all functions that the other one does. To be called with the lock (lock.h) held.
 */
#ifndef HF_ASSUMPTIONS_H
#define HF_ASSUMPTIONS_H

#include <stdbool.h>

#include "applied/registry.h"
#include "hotfix/error.h"
#include "manifest.h"
#include "process/module.h"

/*
 * Can a bundle with this manifest, for this module, be applied on top of what is? HOTFIX_INCOMPATIBLE with the function
 * and the other bundle. Bundles that it supersedes or was built on do not count.
 */
int hf_assumptions_check(const struct hf_manifest *manifest, const struct hf_module *target, struct hotfix_error *err);

/* Does the bundle bring a function that code of an applied one counts on? */
bool hf_assumptions_broken(const struct hf_manifest *manifest, const struct hf_applied *applied);

#endif
