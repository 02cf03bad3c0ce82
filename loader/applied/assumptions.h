/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of the target that a bundle relies on (its assumptions). Two fixes of one release were never compiled
 * together: if code of one bundle calls a function that the other replaces, the compiler may have compiled that code
 * for the old function; and a function that both replace has the fix of only one of them. A bundle that was built on
 * another one has the fixes of both, and replaces all functions that the other one replaces. Call with the lock
 * (lock.h) held.
 */
#ifndef HF_ASSUMPTIONS_H
#define HF_ASSUMPTIONS_H

#include <stdbool.h>

#include "applied/registry.h"
#include "hotfix/error.h"
#include "manifest.h"
#include "process/module.h"

/*
 * Can a bundle with this manifest, for this module, be applied on top of the applied bundles? HOTFIX_INCOMPATIBLE with
 * the function and the other bundle. Bundles that it supersedes or was built on do not count.
 */
int hf_assumptions_check(const struct hf_manifest *manifest, const struct hf_module *target, struct hotfix_error *err);

/* Does the bundle replace a function that code of an applied bundle relies on? */
bool hf_assumptions_broken(const struct hf_manifest *manifest, const struct hf_applied *applied);

#endif
