/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From old and new object files to a patch.so that shares the target's state.
 *
 * Pairs of objects are compared part by part. Changed and new parts are kept, together with the parts that they need
 * and the target does not have; every other reference is bound to the target's own copy. See docs/design.md.
 */
#ifndef HF_BUILD_H
#define HF_BUILD_H

#include "hotfix/error.h"
#include "reference/request.h"
#include "reference/result.h"

/*
 * Builds. On failure nothing is written; *result contains what was found until then and must always be freed.
 * HOTFIX_INCOMPATIBLE when the change cannot be a patch (the object and the reason are named); HOTFIX_UNPROVEN;
 * HOTFIX_USAGE, HOTFIX_IO, HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_build_run(const struct hf_build_request *request, struct hf_build_result *result, struct hotfix_error *err);

#endif
